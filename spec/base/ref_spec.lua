--- References as text and as words.

local base = require "moonvat.basetest"

describe("a kref", function()
  it("is read and printed alike", function()
    for _, text in ipairs { "ko1", "kp1", "ko20", "kp1152921504606846976" } do
      assert.equal(text, base.kref(text))
    end
  end)

  it("is the whole text or nothing", function()
    for _, text in ipairs { "", "k", "ko", "ko0", "ko01", "ko1 ", " ko1", "ko+1", "ko-1", "kx1", "KO1", "ko1\0",
      "kp1152921504606846977", "ko99999999999999999999999", "o+1", "none" } do
      assert.is_nil(base.kref(text), text)
    end
  end)
end)

describe("a vref", function()
  it("is read and printed alike", function()
    for _, text in ipairs { "o+0", "o-1", "p+1", "p-7", "o+1152921504606846976", "o+d0/0", "o+d2/7",
      "o+d1048575/1099511627775" } do
      assert.equal(text, base.vref(text))
    end
  end)

  it("is the whole text or nothing", function()
    for _, text in ipairs { "", "o", "o+", "o1", "o+01", "o+1 ", "o*1", "q+1", "p+d1/1", "o-d1/1", "o+d1", "o+d/1",
      "o+d1/", "o+d01/1", "o+d1048576/1", "o+d1/1099511627776", "o+1152921504606846977", "o+1\0", "ko1" } do
      assert.is_nil(base.vref(text), text)
    end
  end)

  it("off the wire may be any word, and is none or valid", function()
    assert.is_false(base.vref_word_is_valid(0))   -- none
    assert.is_true(base.vref_word_is_valid(1))    -- o+0
    assert.is_true(base.vref_word_is_valid(8 + 4 + 2))
    assert.is_false(base.vref_word_is_valid(8 + 4)) -- no kind
    assert.is_true(base.vref_word_is_valid(8 + 3))
    assert.is_false(base.vref_word_is_valid(8 + 4 + 3)) -- a durable import
    assert.is_false(base.vref_word_is_valid(-1))
    assert.is_true(base.vref_word_is_valid((1 << 60) << 3 | 1))
    assert.is_false(base.vref_word_is_valid(((1 << 60) + 1) << 3 | 1))
    assert.is_true(base.vref_word_is_valid((1 << 60) - 1 << 3 | 3))
    assert.is_false(base.vref_word_is_valid((1 << 60) << 3 | 3)) -- it would print as no text that reads
  end)
end)
