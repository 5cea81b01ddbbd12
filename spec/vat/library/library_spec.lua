--- The library of a vat beside that of the Lua that runs this spec: the same values and errors.

local helpers = require "spec.support.helpers"
local shared = require "spec.vat.machine.shared"

local open, run, close_all = shared.open, shared.run, shared.close_all

--- Texts of results, to compare what vat and host give for the same calls.
local COMPARE <const> = [[
  local function text(...)
    local list = table.pack(...)
    for i = 1, list.n do
      local value = list[i]
      if type(value) == "table" then
        local parts = {}
        for j = -12, 24 do parts[#parts + 1] = tostring(value[j]) end
        value = table.concat(parts, ",")
      end
      list[i] = math.type(value) == "float" and ("%a"):format(value) or tostring(value)
    end
    return table.concat(list, "|", 1, list.n)
  end
  local function all(subject, pattern, start)
    local list = {}
    for a, b, c in string.gmatch(subject, pattern, start) do
      list[#list + 1] = text(a, b, c)
    end
    return table.concat(list, ";")
  end
  local results = {}
  for i, call in ipairs(...) do
    local library, name = call.f:match "(%w+)%.(%a+)"
    local f = call.f == "all" and all or _ENV[library][name]
    results[i] = text(pcall(f, table.unpack(call, 1, call.n)))
    if type(call[1]) == "table" then results[i] = results[i] .. " left " .. text(call[1]) end
  end
  return results
]]

--- Numbers for the cases: the same in each run.
local function source(seed)
  return function(count)
    seed = seed * 6364136223846793005 + 1442695040888963407
    return (seed >> 33) % count + 1
  end
end

local function compare(v, calls)
  local got = run(v, COMPARE, calls)
  local want = load(COMPARE, "=script")(calls)
  for i, call in ipairs(calls) do
    if got[i] ~= want[i] then
      error(("%s differs from Lua's\n  vat: %s\n  Lua: %s"):format(helpers.show(call), got[i],
        want[i]), 2)
    end
  end
end

describe("the library of a vat, compared with Lua's own", function()
  local v
  before_each(function() v = open { time_limit = 0 } end)
  after_each(close_all)

  local function copy(call)
    if type(call[1]) == "table" then
      call[1] = table.move(call[1], 1, #call[1], 1, {})
    end
    return call
  end

  it("replaces nothing where a negative number of times is asked for", function()
    local vat = open()
    helpers.same({ run(vat, 'return ("a"):gsub("a", "b", -1)') }, { "a", 0 })
    helpers.same({ run(vat, 'return ("a"):gsub("a", "b", math.mininteger)') }, { "a", 0 })
  end)

  it("matches the same patterns, with the same errors", function()
    local ATOMS <const> = { "a", "b", ".", "%a", "%d", "%s", "%w", "%A", "%x", "%p", "[abc]",
      "[^ab]", "[a-c]", "[%a_]", "[]]", "[^]]", "[a-]", "%.", "%%", "%b()", "%bab", "%f[%w]",
      "%f[^a]", "%1", "%2", "()", "(a)", "(.-)", "(.*)", "([ab]+)", "(%a*)", "(a(b)c)", "(", "(b",
      ")", "^", "$", "[", "%", "%f", "%b", "%bx", "[a", "[a-%%]", "\0", "%z", "-", "*", "?" }
    local QUANTIFIERS <const> = { "", "", "", "", "*", "+", "-", "?" }
    local PIECES <const> = { "a", "b", "c", "a", "b", "(", ")", " ", "1", "A", "_", "]", ".", "%",
      "\0", "abab" }
    local REPLACEMENTS <const> = { "<%0>", "%1", "%%", "x", "%2%1", "", "%9", "%", "%a" }
    for round = 1, 4 do
      local pick, calls = source(round), {}
      for _ = 1, 700 do
        local subject, pattern = {}, { pick(6) == 1 and "^" or "" }
        for i = 1, pick(14) - 1 do subject[i] = PIECES[pick(#PIECES)] end
        for _ = 1, pick(5) do
          pattern[#pattern + 1] = ATOMS[pick(#ATOMS)] .. QUANTIFIERS[pick(#QUANTIFIERS)]
        end
        pattern[#pattern + 1] = pick(6) == 1 and "$" or ""
        subject, pattern = table.concat(subject), table.concat(pattern)
        local start = pick(4) == 1 and pick(20) - 10 or 1
        for _, name in ipairs { "string.find", "string.match", "all" } do
          calls[#calls + 1] = { f = name, n = 3, subject, pattern, start }
        end
        calls[#calls + 1] = { f = "string.find", n = 4, subject, pattern, start, true }
        calls[#calls + 1] = { f = "string.gsub", n = 3, subject, pattern,
          REPLACEMENTS[pick(#REPLACEMENTS)] }
        calls[#calls + 1] = { f = "string.gsub", n = 4, subject, pattern,
          { a = "1", b = false, ab = "%1" }, pick(4) - 1 }
      end
      compare(v, calls)
    end
  end)

  it("formats the same, with the same errors", function()
    local VALUES <const> = { 0, 1, -1, 3.0, -0.0, 0.1, 1e300, -1e-300, 1 / 0, -1 / 0,
      math.maxinteger, math.mininteger, "abc", "", "12", "0x10", "a\0b", "a\n\r\"\\\1272\0001",
      true, 255, 3.7, 2 ^ 53, ("x"):rep(120), ("y"):rep(600) }
    local pick, calls = source(5), {}
    for _ = 1, 4000 do
      local spec = { "%" }
      for _ = 1, pick(3) - 1 do spec[#spec + 1] = ("-+ #0"):sub(pick(5)):sub(1, 1) end
      spec[#spec + 1] = pick(2) == 1 and tostring(pick(130)) or ""
      spec[#spec + 1] = pick(3) == 1 and "." .. (pick(3) == 1 and "" or pick(120)) or ""
      spec[#spec + 1] = ("diuoxXeEfgGsqy%"):sub(pick(16)):sub(1, 1)
      local format = (pick(3) == 1 and "text" or "") .. table.concat(spec)
      calls[#calls + 1] = { f = "string.format", n = pick(3), format, VALUES[pick(#VALUES)],
        VALUES[pick(#VALUES)] }
    end
    for _, spec in ipairs { "%c", "%5c", "%-5c", "%a", "%A", "%.3a", "%20a" } do
      calls[#calls + 1] = { f = "string.format", n = 2, spec, 65 }
    end
    compare(v, calls)
  end)

  it("builds the same strings and moves the same elements", function()
    local pick, calls = source(6), {}
    for _ = 1, 1500 do
      local a, b, c = pick(12) - 6, pick(12) - 6, pick(7) - 3
      local word = ("some words 123"):sub(1, pick(15) - 1)
      local list = {}
      for i = 1, pick(8) - 1 do list[i] = pick(6) > 1 and pick(100) or "s" .. pick(9) end
      for _, call in ipairs {
        { f = "string.rep", n = 3, word, a, pick(2) == 1 and "," or "" },
        { f = "string.byte", n = 3, word, a, b }, { f = "string.sub", n = 3, word, a, b },
        { f = "string.upper", n = 1, word }, { f = "string.lower", n = 1, word:upper() },
        { f = "string.reverse", n = 1, word }, { f = "string.char", n = 2, pick(300) - 20, 65 },
        { f = "string.pack", n = 3, "<i4s1", a, word }, { f = "utf8.char", n = 2, pick(70000), 233 },
        { f = "utf8.len", n = 2, word .. "é\xff", a }, { f = "utf8.codepoint", n = 3, word, a, b },
        { f = "table.insert", n = 2, list, "end" }, { f = "table.insert", n = 3, list, a, "in" },
        { f = "table.insert", n = 4, list, 1, 2, 3 }, { f = "table.remove", n = 1, list },
        { f = "table.move", n = 4, list, a, b, c }, { f = "table.unpack", n = 3, list, a, b },
        { f = "table.concat", n = 4, list, ";", a, b }, { f = "table.concat", n = 2, list, ", " },
        { f = "table.sort", n = 1, list }, { f = "table.remove", n = 2, list, #list },
      } do
        calls[#calls + 1] = call
      end
    end
    for i = 1, #calls do calls[i] = copy(calls[i]) end
    compare(v, calls)
  end)
end)
