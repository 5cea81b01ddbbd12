-- Whoever has vat_admin can make vats; whoever has a vat's admin object can upgrade and end it. The
-- factory gives away neither.
return function()
  local vat_admin
  local workers = {} -- name -> { root, admin }

  -- Hears how the worker ends, whenever that is.
  local function watch(name, admin)
    E(admin):done():next(function(value)
      print(name .. " is done: " .. tostring(value))
    end, function(reason)
      print(name .. " has failed: " .. reason.message)
    end):finally(function()
      workers[name] = nil
    end)
  end

  return Far("Factory", {
    bootstrap = function(_, _, services)
      vat_admin = services.vat_admin
    end,
    hire = function(_, name, task)
      local made = await(E(vat_admin):create_vat("worker", {
        name = name,
        parameters = { task = task },
        options = { memory_limit = 16 * 1024 * 1024 },
      }))
      workers[name] = made
      watch(name, made.admin)
      return await(E(made.root):work(1))
    end,
    work = function(_, name, hours)
      return await(E(workers[name].root):work(hours))
    end,
    retire = function(_, name)
      E.send_only(workers[name].root):retire()
    end,
    strain = function(_, name)
      E.send_only(workers[name].root):strain()
    end,
    dismiss = function(_, name)
      await(E(workers[name].admin):terminate("no more work"))
    end,
    staff = function()
      local names = {}
      for name in pairs(workers) do
        names[#names + 1] = name
      end
      table.sort(names)
      return table.concat(names, " ")
    end,
  })
end
