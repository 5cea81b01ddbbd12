--- Bodies and syscalls as text for people.

local base = require "moonvat.basetest"

describe("a body", function()
  it("shows its values with commas between", function()
    assert.equal("", base.show "\x80")
    assert.equal('1, "a", nil, true, {1, 2}, {}', base.show "\x86\x01\x61a\xf6\xf5\x82\x01\x02\x80")
  end)

  it("shows maps as tables, with keys as Lua writes them", function()
    local text = base.show "\x81\xa3\x01\x02\x61a\x03\x63a b\x04"
    assert.equal("table", type(load("return " .. text)()))
    assert.same({ [1] = 2, a = 3, ["a b"] = 4 }, load("return " .. text)())
  end)

  it("shows references by their slots", function()
    assert.equal("@0, @7", base.show "\x82\xd9\xd9\xf8\x82\x00\x60\xd9\xd9\xf9\x07")
  end)

  it("says so when it is malformed, wherever that is", function()
    for _, text in ipairs {
      "", "\x01", "\x82\x01", "\x81\xd9\xd9\xf8\x05", "\x81\xd9\xd9\xf9\x20", "\x81\xc1\x01", "\x81\xf7",
      "\x81\xd9\xd9\xf8\x82\x00\x01",
    } do
      assert.equal("malformed", base.show(text):match "malformed$")
    end
  end)
end)

describe("a string", function()
  it("is a Lua literal on one line, of characters that no terminal obeys", function()
    local all = {}
    for i = 0, 255 do
      all[#all + 1] = string.char(i)
    end
    local text = table.concat(all)
    local shown = base.show_string(text)
    assert.is_nil(shown:find "[^ -~]")
    assert.equal(text, load("return " .. shown)())
    for _, each in ipairs { "", "a", "\0001", "\27[31m", '"\\', "1\n2\r\n" } do
      assert.equal(each, load("return " .. base.show_string(each))())
    end
  end)
end)

describe("syscalls", function()
  it("are shown one a line, in the vat's references", function()
    local text = base.encode { syscalls = {
      { send = "o-1", method = "pay", args = { "o+1", 5 }, result = "p+1" },
      { subscribe = "p+1" },
      { resolve = { { "p-1", "fulfilled", { 7 } }, { "p-2", "rejected", { "no" } }, { "p-3", "follow", "p+1" } } },
      { drop_imports = { "o-1", "o-2" } },
    } }
    assert.equal('send o-1:pay(@o+1, 5) -> p+1\nsubscribe p+1\n'
      .. 'resolve p-1 = (7) p-2 rejected ("no") p-3 follows p+1\ndrop_imports o-1 o-2\n', base.show_syscalls(text))
    assert.equal("malformed\n", base.show_syscalls "\9")
  end)
end)
