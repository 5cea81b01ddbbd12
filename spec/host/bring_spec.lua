--- A store that fails while a vat is brought back.

local helpers = require "spec.support.helpers"
local kerneltest = require "moonvat.kerneltest"
local shared = require "spec.host.images"

local keepers = shared.keepers
local same = helpers.same

describe("a store that fails while a vat is brought back", function()
  after_each(helpers.clean)

  -- Opens the kernel's database again with the first page of a table spoilt.
  local function spoilt(k, name)
    local db = helpers.db(k)
    helpers.close(k)
    local raw = assert(kerneltest.open(db))
    local size = raw:sql("PRAGMA page_size")[1][1]
    local page = raw:sql(("SELECT rootpage FROM sqlite_schema WHERE name = '%s'"):format(name))[1][1]
    raw:close()
    local file <close> = assert(io.open(db, "r+b"))
    file:seek("set", (page - 1) * size)
    file:write(("\xee"):rep(size)):flush()
    return helpers.open(db)
  end

  for _, name in ipairs { "transcript", "bundle", "image" } do
    it("is told of, and no vat: " .. name, function()
      for _, act in ipairs {
        function(k) k:heap_hash "main" end,
        function(k) k:call("main", "add", 1) end,
      } do
        local k, logs = spoilt(keepers {}, name)
        helpers.says(helpers.raises(name, act, k), "the file is damaged: use a copy from before")
        same(logs.all, {}, "the log")
        pcall(helpers.close, k)
      end
    end)
  end
end)
