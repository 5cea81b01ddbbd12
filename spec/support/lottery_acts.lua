--- What the vats of the lottery ask for: legal syscalls, by what the vat knows, and illegal ones.

local function is_promise(vref)
  return vref:sub(1, 1) == "p"
end

local function is_import(vref)
  return vref:sub(2, 2) == "-"
end

local function new_promise(vat, decided)
  vat.promises = vat.promises + 1
  local vref = "p+" .. vat.promises
  vat.known[vref] = "live"
  vat.decided[vref] = decided or nil
  return vref
end

local acts = {}

function acts:send(vat)
  local syscall = { send = self:any(vat) or "o+0", method = "m" .. self:roll(9),
    args = self:values(vat) }
  if self:chance(0.8) then
    syscall.result = new_promise(vat)
  end
  return syscall
end

function acts:subscribe(vat)
  local promise = self:pick(vat.known, is_promise)
  return promise and { subscribe = promise }
end

function acts:resolve(vat)
  local batch = {}
  for i = 1, self:roll(3) do
    local promise = self:pick(vat.decided)
    if not promise then
      break
    end
    vat.decided[promise] = nil
    local what, follow = self:roll(4), self:pick(vat.known, is_promise)
    if what == 1 and follow then
      batch[i] = { promise, "follow", follow }
    else
      batch[i] = { promise, what == 2 and "rejected" or "fulfilled",
        self:chance(0.4) and { self:any(vat) } or self:values(vat) }
    end
  end
  for _, settlement in ipairs(batch) do
    vat.known[settlement[1]] = nil
  end
  return #batch > 0 and { resolve = batch }
end

function acts:drop_imports(vat)
  local vref = self:pick(vat.known, function(vref, state)
    return is_import(vref) and not is_promise(vref) and state == "live"
  end)
  if vref then
    vat.known[vref] = "dropped"
    return { drop_imports = { vref } }
  end
end

function acts:retire_imports(vat)
  local vref = self:pick(vat.known, function(vref, state)
    return is_import(vref) and not is_promise(vref) and state == "dropped"
  end)
  if vref then
    vat.known[vref] = nil
    return { retire_imports = { vref } }
  end
end

function acts:retire_exports(vat)
  local vref = self:pick(vat.known, function(vref, state)
    return not is_import(vref) and not is_promise(vref) and state == "dropped"
  end)
  if vref then
    vat.known[vref] = nil
    return { retire_exports = { vref } }
  end
end

function acts:abandon_exports(vat)
  local vref = self:pick(vat.known, function(vref)
    return not is_import(vref) and not is_promise(vref) and vref ~= "o+0"
  end)
  if vref and self:chance(0.3) then
    vat.known[vref] = nil
    return { abandon_exports = { vref } }
  end
end

local LEGAL <const> = { "send", "send", "send", "send", "resolve", "resolve", "resolve",
  "subscribe", "subscribe", "drop_imports", "retire_imports", "retire_exports",
  "abandon_exports" }

--- A syscall that no vat may make; each is a function of what the vat knows.
local ILLEGAL <const> = {
  function() return { send = "o-999" } end,
  function() return { send = "p-999" } end,
  function() return { send = "o+0", args = { "o-999" } } end,
  function() return { send = "o+0", args = { "o+70001", "p-998" }, result = "p+70001" } end,
  function() return { send = "o+0", result = "p-1" } end,
  function() return { send = "o+0", result = "o+7" } end,
  function() return { subscribe = "p-999" } end,
  function() return { subscribe = "o+0" } end,
  function() return { resolve = { { "p-999", "fulfilled", {} } } } end,
  function() return { resolve = { { "p+70002", "fulfilled", { "o-999" } } } } end,
  function() return { resolve = { { "p+70003", "fulfilled", {} }, { "p+70003", "fulfilled", {} } } }
  end,
  function() return { resolve = { { "o+0", "fulfilled", {} } } } end,
  function() return { resolve = { { "p+70004", "follow", "o+0" } } } end,
  function() return { drop_imports = { "o-999" } } end,
  function() return { drop_imports = { "o+0" } } end,
  function() return { retire_imports = { "p-1" } } end,
  function() return { retire_exports = { "o+0" } } end,
  function() return { abandon_exports = { "o-1" } } end,
  function(vat, self)
    local vref = self:pick(vat.known, function(vref)
      return is_promise(vref) and not vat.decided[vref]
    end)
    if vref then
      return { resolve = { { vref, "fulfilled", { 1 } } } }
    end
    return { send = "o-998" }
  end,
}

return { new_promise = new_promise, acts = acts, LEGAL = LEGAL, ILLEGAL = ILLEGAL }
