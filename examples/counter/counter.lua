-- Two vats from one source, each with a count of its own.
return {
  vats = {
    apples = { source = "vats/counter.lua" },
    pears = { source = "vats/counter.lua", parameters = { start = 100 } },
  },
}
