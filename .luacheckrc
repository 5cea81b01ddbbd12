std = "lua54"
max_line_length = 100
include_files = { "lua/**/*.lua", "spec/**/*.lua", "vats/**/*.lua", "examples/**/*.lua", "bench/**/*.lua" }
files["spec"] = { std = "lua54+busted", max_line_length = 120 }
local vat = { read_globals = { "E", "Far", "Error", "await", "promise" } }
files["examples"] = vat
files["examples/*/*_spec.lua"] = { std = "lua54+busted" }
files["vats"] = vat
files["spec/**/vats"] = vat
