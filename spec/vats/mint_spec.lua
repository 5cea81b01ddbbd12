local helpers = require "spec.support.helpers"
local moonvat = require "moonvat"

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

describe("the mint", function()
  local k

  before_each(function()
    k = moonvat.open { db = ":memory:", log = function() end }
    k:launch({
      vats = {
        mint = { source = "moonvat:mint" },
        payer = { source = "vats/payer.lua" },
      },
    }, here)
    k:run()
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    assert.same({}, problems)
  end)

  local function make_purse(amount)
    return (k:call("mint", "make_purse", amount))
  end

  local function balance(purse)
    return (k:call(purse, "balance"))
  end

  -- The reason with which the call is rejected.
  local function refused(...)
    local ok, reason = pcall(k.call, k, ...)
    assert.is_false(ok)
    return reason
  end

  it("makes purses with new money in them, and counts it", function()
    assert.equal(100, balance(make_purse(100)))
    assert.equal(0, balance(make_purse()))
    assert.equal(100, k:call("mint", "supply"))
  end)

  it("moves money between purses and makes none by it", function()
    local a, b = make_purse(100), make_purse(5)
    assert.equal(30, k:call(a, "transfer", 30, b))
    assert.equal(70, balance(a))
    assert.equal(35, balance(b))
    assert.equal(105, k:call("mint", "supply"))
  end)

  it("withdraws into a new purse, which a deposit empties", function()
    local a, b = make_purse(100), make_purse(0)
    local payment = k:call(a, "withdraw", 40)
    assert.equal(40, balance(payment))
    assert.equal(60, balance(a))
    assert.equal(40, k:call(b, "deposit", payment))
    assert.equal(0, balance(payment))
    assert.equal(40, balance(b))
  end)

  it("deposits a part of a payment when asked to", function()
    local a, b = make_purse(100), make_purse(0)
    assert.equal(25, k:call(b, "deposit", a, 25))
    assert.equal(75, balance(a))
  end)

  it("refuses an overdraft and moves nothing", function()
    local a, b = make_purse(70), make_purse(0)
    for _, reason in ipairs {
      refused(a, "withdraw", 1000),
      refused(a, "transfer", 1000, b),
      refused(b, "deposit", a, 1000),
    } do
      assert.equal("InsufficientFunds", reason.name)
      assert.equal("need 1000, have 70", reason.message)
      assert.equal(1000, reason.need)
      assert.equal(70, reason.have)
    end
    assert.equal(70, balance(a))
    assert.equal(0, balance(b))
  end)

  it("takes only integers from 0 on as amounts", function()
    local a, b = make_purse(70), make_purse(0)
    for _, amount in ipairs { -1, 1.5, 2.0, "7", math.mininteger, {} } do
      assert.equal("InvalidAmount", refused(a, "withdraw", amount).name)
      assert.equal("InvalidAmount", refused(a, "transfer", amount, b).name)
      assert.equal("InvalidAmount", refused("mint", "make_purse", amount).name)
    end
    assert.equal("an amount is an integer, 0 or more, got -1", refused(a, "withdraw", -1).message)
    assert.equal(70, balance(a))
  end)

  it("never has more money than an integer can count", function()
    make_purse(math.maxinteger)
    assert.equal("InvalidAmount", refused("mint", "make_purse", 1).name)
    assert.equal(math.maxinteger, k:call("mint", "supply"))
  end)

  it("takes nothing for a purse but its own purses", function()
    local a = make_purse(10)
    local issuer = k:call("mint", "issuer")
    for _, thing in ipairs { 1, "purse", { account = 1 }, issuer, k:root("mint"), k:root("payer") } do
      assert.equal("NotAPurse", refused(a, "deposit", thing).name)
      assert.equal("NotAPurse", refused(a, "transfer", 1, thing).name)
      assert.is_false(k:call(issuer, "is_purse", thing))
    end
    assert.equal("NotAPurse", refused("payer", "pay_with_forgery", a).name)
    assert.is_true(k:call(issuer, "is_purse", a))
    assert.equal(10, balance(a))
  end)

  it("shows no account to who lacks the key", function()
    local a = make_purse(10)
    assert.is_nil(k:call(a, "account", {}))
    assert.is_nil(k:call(a, "account"))
  end)

  it("has deposit facets that let money in and not out", function()
    local a, b = make_purse(10), make_purse(20)
    local facet = k:call(a, "deposit_facet")
    assert.equal(5, k:call(b, "transfer", 5, facet))
    assert.equal(3, k:call(facet, "deposit", b, 3))
    assert.equal(18, balance(a))
    assert.equal("NotAPurse", refused(b, "deposit", facet).name)
    assert.equal("NoSuchMethod", refused(facet, "withdraw", 1).name)
    assert.equal("NoSuchMethod", refused(facet, "balance").name)
  end)

  it("has an issuer that makes empty purses only", function()
    local issuer = k:call("mint", "issuer")
    local purse = k:call(issuer, "make_purse", 1000)
    assert.equal(0, balance(purse))
    assert.equal(0, k:call("mint", "supply"))
    assert.equal("NoSuchMethod", refused(issuer, "open_purse", 1).name)
  end)

  it("is paid from another vat by a promise for a payment", function()
    k:call("payer", "take", make_purse(100))
    local mine = make_purse(0)
    assert.equal(60, k:call("payer", "pay", mine, 60))
    assert.equal(60, balance(mine))
    assert.equal("need 60, have 40", refused("payer", "pay", mine, 60).message)
    assert.equal(60, balance(mine))
  end)

  it("survives a transfer from a purse to itself", function()
    local a = make_purse(10)
    k:call(a, "transfer", 10, a)
    assert.equal(10, balance(a))
  end)

  it("keeps no row for an empty purse", function()
    local a, b = make_purse(10), make_purse(0)
    local rows = #k:baggage("mint")
    for _ = 1, 5 do
      k:call(b, "deposit", k:call(a, "withdraw", 1))
    end
    assert.equal(rows + 1, #k:baggage("mint"))
  end)

  it("opens a purse again by its number", function()
    local a = make_purse(10)
    local again = k:call("mint", "open_purse", k:call(a, "number"))
    assert.equal(10, balance(again))
    assert.equal("NotAPurse", refused("mint", "open_purse", 99).name)
  end)

  it("keeps its balances when it is upgraded, and abandons its purses", function()
    local purse = make_purse(10)
    local number = k:call(purse, "number")
    local upgrade = k:upgrade_vat("mint", { source = "moonvat:mint" })
    k:run()
    assert.same({ incarnation = 1 }, (upgrade:values()))
    assert.equal("ObjectAbandoned", refused(purse, "balance").name)
    assert.equal(10, balance(k:call("mint", "open_purse", number)))
    assert.equal(10, k:call("mint", "supply"))
  end)
end)

describe("the mint without a transcript", function()
  local k, reopen

  before_each(function()
    local db = helpers.folder() .. "/mint.db"
    k = moonvat.open { db = db }
    k:launch({
      vats = {
        mint = { source = "moonvat:mint", options = { transcript = false } },
      },
    }, here)
    k:run()
    function reopen()
      k:close()
      return moonvat.open { db = db }
    end
  end)

  after_each(function()
    local problems = k:audit()
    k:close()
    helpers.clean()
    assert.same({}, problems)
  end)

  it("has its balances in the next incarnation, and opens purses again", function()
    local purse = k:call("mint", "make_purse", 10)
    local number = k:call(purse, "number")
    k = reopen()
    assert.equal(10, k:call("mint", "supply"))
    assert.equal(10, k:call(k:call("mint", "open_purse", number), "balance"))
    local new = k:call("mint", "make_purse", 1)
    assert.equal(number + 1, k:call(new, "number"))
  end)
end)
