--- The sources, and how the rules of the house look at them.

local M = {}

function M.lines(text)
  local list = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
    list[#list + 1] = line
  end
  return list
end

function M.folder_of(path)
  return path:match "^csrc/(%w+)/"
end

function M.at(path, number, text)
  return ("%s:%d: %s"):format(path, number, text)
end

--- Calls see(number, file, is our own) for each #include.
function M.each_include(text, see)
  for number, line in ipairs(M.lines(text)) do
    local quote, file = line:match '^%s*#%s*include%s*([<"])([^>"]+)[>"]'
    if file then
      see(number, file, quote == '"')
    end
  end
end

function M.read_file(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

function M.find(where, names)
  local pipe <close> = assert(io.popen(("find %s -type f '(' %s ')' 2>/dev/null | LC_ALL=C sort")
    :format(where, names)))
  local list = {}
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  return list
end

M.C = "-name '*.c' -o -name '*.h'"
M.LUA = "-name '*.lua'"

--- Fails when there are problems, and names them.
function M.fail_with(problems)
  if #problems > 0 then
    error(#problems .. " to mend:\n" .. table.concat(problems, "\n"), 0)
  end
end

--- All of them: a list of { path, text }.
function M.all()
  local list = {}
  for _, path in ipairs(M.find("csrc lua spec vats examples bench", M.C .. " -o " .. M.LUA)) do
    list[#list + 1] = { path = path, text = M.read_file(path) }
  end
  return list
end

return M
