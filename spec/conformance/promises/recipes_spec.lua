--- Small scenes of promises between vats, each with all that is said and told.

local helpers = require "spec.support.helpers"

local same = helpers.same

-- Each recipe: the body of Alice's bootstrap (with vats and test), Bob's methods, and what must
-- come out. Logs are compared vat by vat, in order.
local RECIPES = {
  {
    name = "promiseArg1",
    alice = [[
      local p, resolve = promise()
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "resolving the promise that was sent to Bob"
      resolve "Alice said hi after send"
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg1",
      "sending the promise to Bob",
      "resolving the promise that was sent to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi after send'" },
  },
  {
    name = "promiseArg2",
    alice = [[
      local p, resolve = promise()
      print "resolving the promise that will be sent to Bob"
      resolve "Alice said hi before send"
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg2",
      "resolving the promise that will be sent to Bob",
      "sending the promise to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi before send'" },
  },
  {
    name = "promiseArg3",
    alice = [[
      local p, resolve = promise()
      print "sending the promise to Bob"
      local r = E(bob):hereIsAPromise(p)
      print "awaiting Bob's response"
      local done = r:next(function(list)
        print("Bob's response to hereIsAPromise: '" .. list[2] .. "'")
        print "resolving the promise that was sent to Bob"
        resolve "Alice said hi after Bob's reply"
        return list[1]
      end)
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = "takes",
    result = { "bobPSucc" },
    alice_log = {
      "running test promiseArg3",
      "sending the promise to Bob",
      "awaiting Bob's response",
      "Bob's response to hereIsAPromise: 'Bob.hereIsAPromise done'",
      "resolving the promise that was sent to Bob",
    },
    bob_log = { "the promise parameter resolved to 'Alice said hi after Bob's reply'" },
  },
  {
    name = "promiseIndirect",
    alice = [[
      local p1 = E(bob):genPromise1()
      local p2 = E(bob):genPromise2()
      await(E(bob):resolve { p1 })
      print("resolution == " .. await(p2))
      return "done"
    ]],
    bob = [[
      genPromise1 = function()
        print "genPromise1"
        return "hello"
      end,
      genPromise2 = function()
        print "genPromise2"
        local p
        p, resolver = promise()
        return p
      end,
      resolve = function(self, list)
        print "resolve"
        resolver(list[1])
      end,
    ]],
    result = { "done" },
    alice_log = { "running test promiseIndirect", "resolution == hello" },
    bob_log = { "genPromise1", "genPromise2", "resolve" },
  },
  {
    name = "passResult",
    alice = "passes",
    bob = [[
      first = function()
        print "first"
        return "Bob's first answer"
      end,
      second = function(self, p)
        print "second"
        print("parameter to second resolved to " .. await(p))
        return "Bob's second answer"
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test passResult",
      "first result resolved to Bob's first answer",
      "second result resolved to Bob's second answer",
    },
    bob_log = { "first", "second", "parameter to second resolved to Bob's first answer" },
  },
  {
    name = "passResultPromise",
    alice = "passes",
    bob = [[
      first = function()
        print "first"
        local p
        p, resolver = promise()
        return p
      end,
      second = function(self, p)
        print "second"
        resolver "Bob answers first in second"
        print("parameter to second resolved to " .. await(p))
        return "Bob's second answer"
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test passResultPromise",
      "first result resolved to Bob answers first in second",
      "second result resolved to Bob's second answer",
    },
    bob_log = {
      "first", "second", "parameter to second resolved to Bob answers first in second",
    },
  },
  {
    name = "resolvePipelined",
    alice = [[
      local p1 = E(bob):first()
      local p2 = E(p1):second(p1)
      local done = promise.all {
        p1:next(function(v)
          print("first result resolved to " .. tostring(v))
          return "p1succ"
        end),
        p2:next(function(v)
          print("second result resolved to " .. v)
          return "p2succ"
        end),
      }
      await(E(bob):loopback())
      return await(done)
    ]],
    bob = [[
      first = function()
        print "first"
        return Far("thing", {
          second = function()
            print "thing.second"
            return "Bob's second answer"
          end,
        })
      end,
    ]],
    result = { { "p1succ", "p2succ" } },
    alice_log = {
      "running test resolvePipelined",
      "first result resolved to <thing>",
      "second result resolved to Bob's second answer",
    },
    bob_log = { "first", "thing.second" },
  },
  {
    name = "messageToPromise",
    loopback = 'print "loopback"',
    alice = [[
      local p1 = E(bob):setup()
      local p2 = E(p1):doSomething()
      local done = p2:next(function(v)
        print("second result resolved to '" .. v .. "'")
        return "p2succ"
      end)
      await(E(bob):doResolve())
      print "invoking loopback"
      await(E(bob):loopback())
      print "loopback done"
      return await(done)
    ]],
    bob = [[
      setup = function()
        print "setup"
        local p
        p, resolver = promise()
        return p
      end,
      doResolve = function()
        print "doResolve"
        resolver(Far("thing", {
          doSomething = function()
            print "thing.doSomething"
            return "deferred something"
          end,
        }))
      end,
    ]],
    result = { "p2succ" },
    alice_log = {
      "running test messageToPromise",
      "invoking loopback",
      "second result resolved to 'deferred something'",
      "loopback done",
    },
    bob_log = { "setup", "doResolve", "thing.doSomething", "loopback" },
  },
}

local SHARED = {
  passes = [[
    local p1 = E(bob):first()
    local p2 = E(bob):second(p1)
    local done = promise.all {
      p1:next(function(v)
        print("first result resolved to " .. v)
        return "p1succ"
      end),
      p2:next(function(v)
        print("second result resolved to " .. v)
        return "p2succ"
      end),
    }
    await(E(bob):loopback())
    return await(done)
  ]],
  takes = [[
    hereIsAPromise = function(self, p)
      local done = p:next(function(v)
        print("the promise parameter resolved to '" .. v .. "'")
        return "bobPSucc"
      end, function(e)
        print("the promise parameter rejected as '" .. tostring(e) .. "'")
        return "bobPFail"
      end)
      return { done, "Bob.hereIsAPromise done" }
    end,
  ]],
}

local function play(recipe)
  local k, logs, cluster = helpers.kernel {
    bootstrap = "alice",
    vats = {
      alice = ([[
        return function(vat, params)
          return Far("Alice", {
            bootstrap = function(self, vats)
              local bob = vats.bob
              print "running test %s"
              %s
            end,
          })
        end
      ]]):format(recipe.name, SHARED[recipe.alice] or recipe.alice),
      bob = ([[
        return function(vat, params)
          local resolver
          return Far("Bob", {
            loopback = function() %s end,
            %s
          })
        end
      ]]):format(recipe.loopback or "", SHARED[recipe.bob] or recipe.bob),
    },
  }
  helpers.run(k, recipe.name)
  same(helpers.level(logs, "fault"), {}, recipe.name .. ": faults")
  same(logs.alice, recipe.alice_log, recipe.name .. ": Alice's log")
  same(logs.bob, recipe.bob_log, recipe.name .. ": Bob's log")
  same({ cluster.bootstrap:values() }, recipe.result, recipe.name .. ": the result")
  helpers.settle(k)
end

describe("promises: the recipes", function()
  after_each(helpers.clean)

  for _, recipe in ipairs(RECIPES) do
    it(recipe.name, function()
      play(recipe)
    end)
  end
end)
