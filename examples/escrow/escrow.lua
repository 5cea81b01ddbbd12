-- An agent swaps Ann's gold for Ben's silver: both, or neither. Ben gets new code while Ann's gold
-- is with the agent, and what he was about to do is off: she gets it back.
return {
  bootstrap = "agent",
  vats = {
    agent = { source = "vats/agent.lua" },
    gold = { source = "moonvat:mint" },
    silver = { source = "moonvat:mint" },
    ann = { source = "vats/party.lua" },
    ben = { source = "vats/hesitant.lua" },
  },
}
