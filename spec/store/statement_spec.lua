--- The table of statements: its numbers are for ever, since writes are known by them.

local helpers = require "spec.support.helpers"

-- What was given out. A number goes with its statement: it is never changed, nor given to another.
local WRITES <const> = {
  VAT_WRITE = 1, VAT_RENEW = 2, VAT_ERASE = 3, OBJECT_WRITE = 4, OBJECT_ERASE = 5, PROMISE_WRITE = 6,
  PROMISE_ERASE = 7, SUBSCRIBER_ADD = 8, SUBSCRIBER_ERASE = 9, SUBSCRIBER_ERASE_ALL = 10, CLIST_WRITE = 11,
  CLIST_ERASE = 12, QUEUE_WRITE = 13, QUEUE_ERASE = 14, HOLD_WRITE = 15, HOLD_ERASE = 16, VATSTORE_SET = 17,
  VATSTORE_ERASE = 18, VATSTORE_ERASE_SOME = 19, DURABLE_SET = 20, DURABLE_ERASE = 21, DURABLE_ERASE_SOME = 22,
  TRANSCRIPT_ADD = 23, TRANSCRIPT_ERASE_SOME = 24, TRANSCRIPT_PRUNE = 25, IMAGE_SET = 26, IMAGE_ERASE = 27,
  COUNTER_SET = 28, SETTING_SET = 29, SETTING_ERASE = 30, CLUSTER_ADD = 31, CLUSTER_ERASE = 32,
  SERVICE_ADD = 33, BUNDLE_ADD = 34, BUNDLE_SWEEP = 35, BUNDLE_NAME_SET = 36, VAT_CHANGE = 37,
  OPENED_SET = 38, BEGIN = 95, BEGIN_WRITING = 96, COMMIT = 97, MEASURE = 98,
}

--- Name and number of each, and text and types of those that the table has: two tables by name.
local function statements()
  local numbers, texts = {}, {}
  for name, number in helpers.read("csrc/store/statement.h"):gmatch "STATEMENT_([%u_]+) = (%d+)" do
    assert.is_nil(numbers[name], name)
    numbers[name] = tonumber(number)
  end
  local source = helpers.read "csrc/store/statement.c"
  for name, types, literals in source:gmatch '%[STATEMENT_([%u_]+)%] = {"(%l*)",([^}]*)}' do
    local text = {}
    for literal in literals:gmatch '"([^"]*)"' do
      text[#text + 1] = literal
    end
    texts[name] = { sql = table.concat(text), types = types }
  end
  return numbers, texts
end

describe("statements", function()
  it("have a number each, and no number two", function()
    local numbers = statements()
    local names = {}
    for name, number in pairs(numbers) do
      assert.is_nil(names[number], name)
      assert.is_true(number <= numbers.END, name)
      names[number] = name
    end
  end)

  it("that write keep their numbers, which are below 100", function()
    local numbers, texts = statements()
    for name, number in pairs(WRITES) do
      assert.equal(number, numbers[name], name)
    end
    for name, number in pairs(numbers) do
      assert.equal(number < 100, WRITES[name] ~= nil, name)
    end
    for name, text in pairs(texts) do
      assert.equal(text.sql:find "^SELECT" == nil and text.sql:find "^WITH" == nil,
        numbers[name] < 100, name)
    end
  end)

  it("that take some of many take them in an order", function()
    local limited = 0
    local _, texts = statements()
    for name, text in pairs(texts) do
      if text.sql:find "LIMIT" then
        assert.matches("ORDER BY [^()]* LIMIT", text.sql, 1, false, name)
        limited = limited + 1
      end
    end
    assert.is_true(limited > 3)
  end)

  it("have as many types as arguments", function()
    local _, texts = statements()
    for name, text in pairs(texts) do
      local bare, highest = select(2, (text.sql .. " "):gsub("%?%D", "")), 0
      for number in text.sql:gmatch "%?(%d+)" do
        highest = math.max(highest, tonumber(number))
      end
      assert.equal(#text.types, math.max(bare, highest), name)
    end
  end)
end)
