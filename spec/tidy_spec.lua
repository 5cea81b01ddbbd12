--- The rules of the house, read off the sources: who may include whom, sizes, names, left-overs.
--
-- A rule is a function from a path and a text to a list of problems. Each is tried on a small
-- text that breaks it before it is tried on the sources, so that a rule that sees nothing fails. The
-- rules are in spec/tidy; here are those that need more than one file.

local sources = require "spec.tidy.sources"

local each_include, fail_with, read_file = sources.each_include, sources.fail_with, sources.read_file

--- A .c file may leave its description to its header, or to the folder's internal.h, by name.
local function described(path, text, read)
  if path:find "%.lua$" then
    return text:find "^%-%-" ~= nil
  end
  if text:find "^/[*/]" or not path:find "%.c$" then
    return text:find "^/[*/]" ~= nil
  end
  local header = read(path:gsub("%.c$", ".h"))
  local internal = read(path:gsub("^(csrc/%w+/).*$", "%1internal.h"))
  local name = path:match "([^/]*)$"
  return header ~= nil and header:find "^/[*/]" ~= nil
    or internal ~= nil and internal:find("/* " .. name .. ":", 1, true) ~= nil
end

local RULES, TRIALS = {}, {}
for _, group in ipairs { "layers", "names", "sizes", "texts" } do
  local rules = require("spec.tidy." .. group)
  for name, rule in pairs(rules.rules) do
    assert(not RULES[name], "two rules of one name")
    RULES[name], TRIALS[name] = rule, rules.trials[name]
  end
end

describe("tidy", function()
  local all_sources = sources.all()

  it("finds the sources", function()
    assert(#sources.find("csrc", sources.C) > 10 and #sources.find("lua", sources.LUA) > 3
      and #sources.find("spec", sources.LUA) > 3, "run it from the project's folder")
  end)

  for name, rule in pairs(RULES) do
    it(name, function()
      local trials = assert(TRIALS[name], "a rule without a trial: " .. name)
      local can_fail = false
      for _, trial in ipairs(trials) do
        local problems = rule(trial[1], trial[2])
        assert(#problems == trial[3], ("on trial, %s with %q: %d problems, wanted %d"):format(
          trial[1], trial[2]:sub(1, 80), #problems, trial[3]))
        can_fail = can_fail or trial[3] > 0
      end
      assert(can_fail, "no trial breaks the rule")
      local all = {}
      for _, source in ipairs(all_sources) do
        local problems = rule(source.path, source.text)
        table.move(problems, 1, #problems, #all + 1, all)
      end
      fail_with(all)
    end)
  end

  it("no folder of csrc has over 20 .c files", function()
    local most <const> = 20
    local function crowded(list)
      local counts, problems = {}, {}
      for _, source in ipairs(list) do
        local folder = source.path:match "^(csrc/.*)/[^/]*%.c$"
        if folder then
          counts[folder] = (counts[folder] or 0) + 1
          if counts[folder] == most + 1 then
            problems[#problems + 1] = folder .. " has over " .. most .. " .c files; make a room in it"
          end
        end
      end
      return problems
    end
    local trial = {}
    for i = 1, most do
      table.move({ { path = "csrc/a/" .. i .. ".c" }, { path = "csrc/a/" .. i .. ".h" },
        { path = "csrc/a/b/" .. i .. ".c" } }, 1, 3, #trial + 1, trial)
    end
    assert.same({}, crowded(trial))
    trial[#trial + 1] = { path = "csrc/a/b/one_more.c" }
    assert.same({ "csrc/a/b has over 20 .c files; make a room in it" }, crowded(trial))
    fail_with(crowded(all_sources))
  end)

  it("one file alone includes sqlite3.h", function()
    local function including(list)
      local paths = {}
      for _, source in ipairs(list) do
        if source.path:find "^csrc/" then
          each_include(source.text, function(_, file)
            if file == "sqlite3.h" then
              paths[#paths + 1] = source.path
            end
          end)
        end
      end
      return paths
    end
    local trial = including {
      { path = "csrc/state/a.c", text = "#include <sqlite3.h>\n" },
      { path = "csrc/state/b.c", text = "x\n#include <sqlite3.h>\n" },
    }
    assert(#trial == 2, "the check does not see a second file")
    local paths = including(all_sources)
    assert(#paths == 1, "sqlite3.h is included by: " .. table.concat(paths, ", "))
  end)

  it("each .c file has a spec under its name, or is named in spec/tidy/mirror.lua", function()
    --- specs: a set of the specs' paths; named: as mirror.lua.
    local function unmirrored(list, specs, named)
      local problems, by, files = {}, {}, {}
      for _, source in ipairs(list) do
        files[source.path:match "^csrc/(.*)%.c$" or 0] = true
      end
      for spec, stems in pairs(named) do
        if not specs[spec] then
          problems[#problems + 1] = "mirror.lua names a spec that is not there: " .. spec
        end
        for stem in stems:gmatch "%S+" do
          if not files[stem] then
            problems[#problems + 1] = "mirror.lua names a file that is not there: " .. stem
          elseif by[stem] then
            problems[#problems + 1] = "mirror.lua names it twice: " .. stem
          end
          by[stem] = spec
        end
      end
      local folders = {}
      for spec in pairs(specs) do
        folders[spec:match "^spec/(.*)/[^/]*$" or 0] = true
      end
      for stem in pairs(files) do
        local own = specs["spec/" .. tostring(stem) .. "_spec.lua"] or folders[stem]
        if stem ~= 0 and own and by[stem] then
          problems[#problems + 1] = "it has a spec of its own, mirror.lua names it: " .. stem
        elseif stem ~= 0 and not own and not by[stem] then
          problems[#problems + 1] = ("csrc/%s.c: no spec/%s_spec.lua; name in spec/tidy/mirror.lua"
            .. " which spec speaks of it"):format(stem, stem)
        end
      end
      table.sort(problems)
      return problems
    end
    local trial = { { path = "csrc/a/x.c" }, { path = "csrc/a/y.c" }, { path = "csrc/a/z.c" } }
    local specs = { ["spec/a/x_spec.lua"] = true, ["spec/a/z/one_spec.lua"] = true }
    assert(#unmirrored(trial, specs, {}) == 1, "the check does not see a file without a spec")
    assert(#unmirrored(trial, specs, { ["spec/a/x_spec.lua"] = "a/y" }) == 0)
    assert(#unmirrored(trial, specs, { ["spec/a/x_spec.lua"] = "a/y a/z a/w" }) == 2)
    assert(#unmirrored(trial, specs, { ["spec/a/w_spec.lua"] = "a/y" }) == 1)
    specs = {}
    for _, source in ipairs(all_sources) do
      specs[source.path] = source.path:find "_spec%.lua$" and true or nil
    end
    fail_with(unmirrored(all_sources, specs, require "spec.tidy.mirror"))
  end)

  it("no two .c files have one name", function()
    local function doubles(list)
      local seen, problems = {}, {}
      for _, source in ipairs(list) do
        local name = source.path:match "^csrc/.*/([^/]*%.c)$"
        if name and seen[name] then
          problems[#problems + 1] = source.path .. " is called like " .. seen[name]
        elseif name then
          seen[name] = source.path
        end
      end
      return problems
    end
    local trial = doubles { { path = "csrc/a/x.c" }, { path = "csrc/b/x.c" }, { path = "csrc/b/y.c" },
      { path = "csrc/b/x.h" } }
    assert(#trial == 1, "the check does not see a double")
    fail_with(doubles(all_sources))
  end)

  it("no folder has over 20 .c files", function()
    local function crowded(list)
      local counts, problems = {}, {}
      for _, source in ipairs(list) do
        local folder = source.path:match "^(csrc/.*)/[^/]*%.c$"
        if folder then
          counts[folder] = (counts[folder] or 0) + 1
        end
      end
      for folder, count in pairs(counts) do
        if count > 20 then
          problems[#problems + 1] = ("%s has %d .c files; make a room"):format(folder, count)
        end
      end
      return problems
    end
    local trial = {}
    for i = 1, 21 do
      trial[i] = { path = ("csrc/a/x%d.c"):format(i) }
    end
    assert(#crowded(trial) == 1, "the check does not see a crowd")
    trial[21].path = "csrc/a/b/x.c"
    assert(#crowded(trial) == 0, "the check sees a crowd where is none")
    fail_with(crowded(all_sources))
  end)

  it("every source file of csrc and lua is described, by itself or by its header", function()
    local files = {
      ["csrc/a/x.c"] = '#include "a/x.h"\n', ["csrc/a/x.h"] = "/* The x. */\n",
      ["csrc/a/y.c"] = '#include "a/internal.h"\n', ["csrc/a/z.c"] = "/* z */\n",
      ["csrc/a/internal.h"] = "/* Shared.\n */\n/* y.c: what y does. */\n",
      ["csrc/a/w.c"] = '#include "a/internal.h"\n', ["csrc/a/v.h"] = "#ifndef V\n",
      ["lua/a.lua"] = "--- A module.\n", ["lua/b.lua"] = "local M = {}\n",
    }
    local function read(path)
      return files[path]
    end
    for path, wanted in pairs {
      ["csrc/a/x.c"] = true, ["csrc/a/y.c"] = true, ["csrc/a/z.c"] = true, ["csrc/a/w.c"] = false,
      ["csrc/a/v.h"] = false, ["lua/a.lua"] = true, ["lua/b.lua"] = false,
    } do
      assert(described(path, files[path], read) == wanted, "on trial: " .. path)
    end
    local problems = {}
    for _, source in ipairs(all_sources) do
      local ours = source.path:find "^csrc/" or source.path:find "^lua/"
      if ours and not described(source.path, source.text, read_file) then
        problems[#problems + 1] = source.path .. " does not say what it is"
      end
    end
    fail_with(problems)
  end)
end)
