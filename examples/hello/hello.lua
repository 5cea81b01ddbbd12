-- The smallest cluster: one vat, started with parameters.
return {
  bootstrap = "hello",
  vats = {
    hello = { source = "vats/hello.lua", parameters = { greeting = "Hello" } },
  },
}
