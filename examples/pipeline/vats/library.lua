-- Shelves of books of pages, each an object of its own.
return function()
  local function make_book(title)
    return Far("Book", {
      page = function(_, number)
        print("page " .. number)
        return ("page %d of %s"):format(number, title)
      end,
    })
  end

  local function make_shelf(books)
    return Far("Shelf", {
      book = function(_, number)
        print("book " .. number)
        if not books[number] then
          local message = ("there are %d books, no book %d"):format(#books, number)
          error(Error { name = "NoSuchBook", message = message })
        end
        return books[number]
      end,
    })
  end

  local moon = make_shelf { make_book("Moon Phases"), make_book("Moon Landings") }

  return Far("Library", {
    shelf = function(_, name)
      print("shelf " .. name)
      return moon
    end,
  })
end
