--- A registry: names and what they stand for, any reference or data.
--
-- The root registers; its reader() only looks up. Looking up a name that nobody has registered yet
-- gives a promise: send to it, and the messages go on when the name is there. Names lie in the
-- baggage and outlive the vat's heap; lookups that wait end with it.

return function(vat)
  local names = vat.baggage
  local waiting = {} -- [name] = { promise = p, resolve = function }

  local function check_name(name)
    if type(name) ~= "string" or name == "" then
      local got = name == "" and "an empty one" or type(name)
      error(Error { name = "InvalidName", message = "a name is a string, got " .. got })
    end
  end

  local function lookup(name)
    check_name(name)
    local value = names[name]
    if value ~= nil then
      return value
    end
    if not waiting[name] then
      local p, resolve = promise()
      waiting[name] = { promise = p, resolve = resolve }
    end
    return waiting[name].promise
  end

  -- What the name stands for now, or nil.
  local function find(name)
    check_name(name)
    return names[name]
  end

  local function list(prefix)
    local found = {}
    for name in vat.range(names, prefix or "") do
      found[#found + 1] = name
    end
    return found
  end

  local reader = Far("RegistryReader", {
    lookup = function(_, name)
      return lookup(name)
    end,
    find = function(_, name)
      return find(name)
    end,
    names = function(_, prefix)
      return list(prefix)
    end,
  })

  return Far("Registry", {
    register = function(_, name, value)
      check_name(name)
      value = await(value)
      if value == nil then
        error(Error { name = "InvalidValue", message = "a name cannot stand for nil" })
      end
      if names[name] ~= nil then
        local message = name .. " is registered already; unregister it first"
        error(Error { name = "NameTaken", message = message })
      end
      names[name] = value
      if waiting[name] then
        waiting[name].resolve(value)
        waiting[name] = nil
      end
    end,
    -- Forgets the name; returns what it stood for, or nil.
    unregister = function(_, name)
      local value = find(name)
      names[name] = nil
      return value
    end,
    lookup = function(_, name)
      return lookup(name)
    end,
    find = function(_, name)
      return find(name)
    end,
    names = function(_, prefix)
      return list(prefix)
    end,
    reader = function()
      return reader
    end,
  })
end
