--- The purse, in version b.

return require "purse" "b"
