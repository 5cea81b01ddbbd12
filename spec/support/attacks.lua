--- Scripts that vats are attacked with, or attack with, by theme; see the folder attacks.
--
-- A script is the text of a method's body. Its globals are a vat's, and also vat (what the build
-- function was given), root (the vat's root) and victim (a presence of another vat). Each theme
-- has some of these tables, from a script's name to the script:
--
--   endless   ended by the time limit, or by the instruction budget; { script, "time" }: by the
--             time limit alone
--   hungry    ended by the memory limit
--   refused   { script, part of the message }: ended by an error of its own
--   harmless  { script, result }: ended by itself

local M = {}

M.THEMES = { "loops", "memory", "library", "recursion", "floods", "abuse", "defects" }
M.KINDS = { "endless", "hungry", "refused", "harmless" }

--- The build function of a vat that runs scripts: run(victim, text) runs one.
M.RUNNER = [[
  return function(vat)
    deliveries = 0
    local env = _ENV
    local load, assert = load, assert
    local root
    root = Far("Runner", {
      run = function(self, victim, text)
        deliveries = deliveries + 1
        env.vat, env.root, env.victim = vat, root, victim
        return assert(load(text, "=script"))()
      end,
      ping = function() return deliveries end,
    })
    return root
  end
]]

--- The scripts of a theme in order: { name, kind, text, want }.
function M.list(theme)
  local list = {}
  local scripts = require("spec.support.attacks." .. theme)
  for _, kind in ipairs(M.KINDS) do
    local first = #list + 1
    for name, script in pairs(scripts[kind] or {}) do
      local text, want = script, nil
      if type(script) == "table" then
        text, want = script[1], script[2]
      end
      list[#list + 1] = { name = name, theme = theme, kind = kind, text = text, want = want }
    end
    local part = table.move(list, first, #list, 1, {})
    table.sort(part, function(a, b) return a.name < b.name end)
    table.move(part, 1, #part, first, list)
  end
  return list
end

return M
