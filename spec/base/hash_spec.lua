--- Hashes of bytes. Transcripts keep them, so they are the same in every version.

local basetest = require "moonvat.basetest"

describe("a hash of bytes", function()
  it("stays as it is, whatever the length", function()
    assert.equal("4e17cf67001b3979", basetest.hash(""))
    assert.equal("821c616d216bf260", basetest.hash("a"))
    assert.equal("b64ba96e646440b5", basetest.hash("moonvat"))
    assert.equal("84685d6b6eb13e22", basetest.hash("12345678"))
    assert.equal("f5ed98426498396a", basetest.hash("a longer text, of several words"))
    assert.equal("bea68c5935af8e7f", basetest.hash(("\0"):rep(16)))
  end)

  it("tells bytes apart by their zeros too", function()
    local seen = {}
    for length = 0, 40 do
      local hash = basetest.hash(("\0"):rep(length))
      assert.is_nil(seen[hash])
      seen[hash] = true
    end
  end)
end)
