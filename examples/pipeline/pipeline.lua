-- Promise pipelining: messages are sent to the results of messages that nobody has answered yet.
return {
  bootstrap = "reader",
  vats = {
    reader = { source = "vats/reader.lua" },
    library = { source = "vats/library.lua" },
  },
}
