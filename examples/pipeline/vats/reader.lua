return function()
  return Far("Reader", {
    bootstrap = function(_, vats)
      local library = vats.library

      print("One by one: each message waits for the answer to the one before.")
      local shelf = await(E(library):shelf("moon"))
      print("got the shelf")
      local book = await(E(shelf):book(1))
      print("got the book")
      print("read " .. await(E(book):page(7)))

      print("Pipelined: all three are sent at once, to results that are still to come.")
      local page = E(E(E(library):shelf("moon")):book(2)):page(11)
      print("sent all three, no answer yet")
      print("read " .. await(page))

      print("Pipelined, and the book is not there: what was sent to it fails with the same reason.")
      local lost = E(library):shelf("moon")
      local missing = E(lost):book(3)
      local nothing = E(missing):page(1)
      local _, reason = pcall(await, nothing)
      print(("%s: %s"):format(reason.name, reason.message))
    end,
  })
end
