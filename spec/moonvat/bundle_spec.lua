--- A source and the modules that it requires, found by reading.

local bundle = require "moonvat.bundle"
local helpers = require "spec.support.helpers"

local function names(source)
  local list = {}
  for i, wanted in ipairs(bundle.requires(source, "x.lua")) do
    list[i] = wanted.name .. ":" .. wanted.line
  end
  return list
end

describe("require in a source", function()
  it("is found however it is written", function()
    assert.same({ "a:1", "b:2", "c.d:2", "e:3", "f-g:4", "h:6" }, names [=[
local a = require "a"
local b, c = require("b"), require( [[c.d]] ).x
return require'e', function() return require "a" end
, require --[[ why not ]] ("f-g")
, "x" ..
require"h"]=])
  end)

  it("is not found in comments, strings and other names", function()
    assert.same({}, names [==[
-- require "a"
--[[ require "b" ]] --[=[ ]] require "c" ]=]
local s = "require 'd'" .. 'require "e"' .. [[ require "f" ]] .. "\" require 'g'"
local t = { require = 1, xrequire = 2 }
t.require "h" ; t:require "i" ; t . require("j")
prerequire "k" ; require_k "l" ; n = 3..require2 "m"]==])
  end)

  it("is told apart from .. before it", function()
    assert.same({ "a:1" }, names 'return "x" .. require "a"')
    assert.same({ "a:1" }, names 'return x..require "a"')
  end)

  it("must name its module in quotes", function()
    for _, source in ipairs {
      "require(name)", "require(('a'))", "require('a' .. b)", "require('a', 1)", "pcall(require, 'a')",
      "local r = require", "require{}",
    } do
      helpers.says(helpers.raises(source, names, "local x = 1\n  " .. source .. "\n"),
        'x.lua:2: require needs a name in quotes, as in require "util": ' .. source)
    end
  end)

  it("takes only names that stay in the folder", function()
    for _, name in ipairs { "../x", "/etc/passwd", "a/b", "", ".a", "a..b", "a." } do
      helpers.says(helpers.raises(name, names, ("require %q"):format(name)), "is no module name")
    end
  end)
end)

describe("a bundle", function()
  after_each(helpers.clean)

  local folder

  local function write(files)
    for name, text in pairs(files) do
      local sub = name:match "^(.*)/"
      if sub then
        os.execute("mkdir -p " .. folder .. "/" .. sub)
      end
      helpers.write(folder .. "/" .. name, text)
    end
  end

  local function load()
    return bundle.load(folder .. "/main.lua")
  end

  local function refused()
    return (helpers.raises("bundle", load):gsub(folder:gsub("%p", "%%%0") .. "/", ""))
  end

  before_each(function()
    folder = helpers.folder()
  end)

  it("has the main chunk first, then each module once, by name", function()
    write {
      ["main.lua"] = 'return require "util", require "lib.b"',
      ["util.lua"] = 'return require "lib.a"',
      ["lib/a.lua"] = "return 1",
      ["lib/b.lua"] = 'return require "lib.a", require "util"',
      ["unused.lua"] = "(",
    }
    assert.same({
      { name = "main.lua", source = 'return require "util", require "lib.b"' },
      { name = "lib.a", source = "return 1" },
      { name = "lib.b", source = 'return require "lib.a", require "util"' },
      { name = "util", source = 'return require "lib.a"' },
    }, load())
  end)

  it("names the place that requires what is missing", function()
    write { ["main.lua"] = '\nreturn require "lib.gone"' }
    assert.equal('main.lua:2: cannot find the module "lib.gone": lib/gone.lua: no such file', refused())
  end)

  it("names the circle of what requires itself", function()
    write { ["main.lua"] = 'return require "main"' }
    assert.equal("main.lua:1: modules require each other in a circle: main.lua -> main.lua", refused())
    write {
      ["main.lua"] = 'return require "a"', ["a.lua"] = '\nreturn require "b"', ["b.lua"] = 'require "a"',
    }
    assert.equal("b.lua:1: modules require each other in a circle: a -> b -> a", refused())
  end)

  it("names file and line of what is no Lua", function()
    write { ["main.lua"] = 'return require "a"', ["a.lua"] = "local x = 1\nlocal = 2" }
    assert.matches("^a.lua:2: <name> expected near '='", refused())
    write { ["main.lua"] = string.dump(function() end) }
    assert.equal("main.lua: this is compiled Lua; a vat is given as source text", refused())
  end)

  it("takes sources up to 128 KiB", function()
    write { ["main.lua"] = "--" .. ("x"):rep(128 * 1024 - 2) }
    assert.equal(128 * 1024, #load()[1].source)
    write { ["main.lua"] = "--" .. ("x"):rep(128 * 1024 - 1) }
    assert.equal("main.lua: 131073 bytes; one source may have at most 131072 (128 KiB)", refused())
  end)

  it("says what is wrong with a path", function()
    assert.equal("main.lua: no such file", refused())
    assert.equal(folder .. ": is a directory", helpers.raises("folder", bundle.load, folder))
  end)
end)
