--- What somebody probably meant: the known word nearest to a mistyped one.

local M = {}

local min <const> = math.min

-- Edits from one word to the other; two neighbours swapped are one edit.
local function distance(a, b)
  local before, above = {}, {}
  for j = 0, #b do
    above[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = min(row[j], before[j - 2] + 1)
      end
    end
    before, above = above, row
  end
  return above[#b]
end

--- The nearest of the words, when it is near enough to be meant.
---@param word string
---@param words string[]
---@return string?
function M.find(word, words)
  if #word > 64 then
    return nil
  end
  local best, best_distance = nil, math.max(1, #word // 3) + 1
  for _, known in ipairs(words) do
    local edits = distance(word, known)
    if edits < best_distance then
      best, best_distance = known, edits
    end
  end
  return best
end

--- ` (did you mean memory_limit?)`, or nothing.
---@param word string
---@param words string[]
---@return string
function M.hint(word, words)
  local best = type(word) == "string" and M.find(word, words)
  return best and string.format(" (did you mean %s?)", best) or ""
end

return M
