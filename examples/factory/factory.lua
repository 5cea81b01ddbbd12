-- A vat that makes vats: each worker is a vat of its own, made from a bundle by its name.
return {
  bootstrap = "factory",
  services = { "vat_admin" },
  vats = {
    factory = { source = "vats/factory.lua" },
  },
  bundles = {
    worker = { source = "vats/worker.lua" },
  },
}
