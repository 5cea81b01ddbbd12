--- The purse, in version a.

return require "purse" "a"
