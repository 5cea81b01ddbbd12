--- The grammar of references, and of names that are none.

local ref = require "moonvat.ref"

describe("a reference", function()
  it("is read with its kind and number", function()
    assert.same({ kind = "object", scope = "kernel", number = 20 }, ref.parse "ko20")
    assert.same({ kind = "promise", scope = "kernel", number = 0 }, ref.parse "kp0")
    assert.same({ kind = "vat", scope = "kernel", number = 3 }, ref.parse "v3")
    assert.same({ kind = "cluster", scope = "kernel", number = 1 }, ref.parse "s1")
  end)

  it("says of a vat's own numbers who allocated them", function()
    assert.same({ kind = "object", scope = "vat", number = 3, export = true }, ref.parse "o+3")
    assert.same({ kind = "promise", scope = "vat", number = 5, export = false }, ref.parse "p-5")
    assert.same({ kind = "object", scope = "vat", number = 7, export = true, durable = 2 },
      ref.parse "o+d2/7")
  end)

  it("is the whole text or nothing", function()
    for _, text in ipairs {
      "", "ko", "ko01", "ko1 ", " ko1", "ko+1", "ko-1", "kx1", "v", "o3", "o+d2", "o-d2/7", "KO1",
      "ko1234567890123456789012", "p+d1/1",
    } do
      assert.is_nil(ref.parse(text), text)
    end
  end)

  it("is a kref when it names an object or promise of the kernel", function()
    assert.is_true(ref.is_kref "ko20")
    assert.is_true(ref.is_kref "kp40")
    assert.is_false(ref.is_kref "v1")
    assert.is_false(ref.is_kref(20))
  end)

  it("sorts by kind, then by number", function()
    local list = { "kp2", "ko10", "v10", "ko9", "s1", "v2" }
    table.sort(list, ref.less)
    assert.same({ "s1", "v2", "v10", "ko9", "ko10", "kp2" }, list)
  end)
end)

describe("a name", function()
  it("has letters, digits, _ and -, and does not begin with a digit or -", function()
    for _, name in ipairs { "a", "_", "Main", "a-b_9", "kov1", "v1a", "ko", "s", "v-1" } do
      assert.is_true(ref.is_name(name), name)
    end
    for _, name in ipairs { "", "1a", "-a", "a b", "a.b", "\u{e9}", "a\n" } do
      assert.is_false(ref.is_name(name), name)
    end
  end)

  it("does not look like a reference", function()
    for _, name in ipairs { "v1", "s22", "ko3", "kp4", "v007" } do
      assert.is_false(ref.is_name(name), name)
    end
  end)

  it("may be qualified with its cluster", function()
    assert.same({ cluster = "s2", name = "counter" }, ref.parse_qualified "s2.counter")
    assert.is_nil(ref.parse_qualified "counter")
    assert.is_nil(ref.parse_qualified "x2.counter")
  end)
end)
