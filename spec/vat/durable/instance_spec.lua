--- Instances of kinds: how long they live, and what they keep.

local helpers = require "spec.support.helpers"
local lone = require "spec.support.lone"
local shared = require "spec.vat.durable.shared"
local ref, same = lone.ref, helpers.same

local SOURCE <const>, rows = shared.SOURCE, shared.rows

local function reap(vat)
  return vat:deliver { kind = "bring_out_your_dead" }
end

describe("an instance", function()
  after_each(lone.clean)

  local function has(vat, one)
    local outcome = vat:send(one, "get", "x")
    return not outcome.fault
  end

  it("lives while the heap holds it, and goes when nothing does", function()
    local vat = lone.start(SOURCE)
    vat:message("chain", 3)
    same(rows(reap(vat), "to"), "")
    vat:message("hold", nil)
    same(rows(reap(vat), "to"), "old>none old>none old>none", "each held the next")
    same(rows(vat.outcome, "t"), "old>none old>none old>none old>none old>none old>none",
      "no count is left behind")
    same(reap(vat).changes, {})
  end)

  it("lives while the kernel reaches it, heap or not", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { x = 1 })
    same(rows(reap(vat), "to"), "")
    vat:send(one, "get", "x")
    same(lone.settlement(vat.outcome, "p-2").values, { 1, n = 1 })
    vat:deliver { kind = "drop_exports", one }
    local outcome = reap(vat)
    same(rows(outcome, "to"), "old>none")
    same(#lone.syscalls(outcome, "retire_exports"), 1)
    same(lone.syscalls(outcome, "retire_exports")[1][1], "o+d1/1")
  end)

  it("is exported again after it was dropped or retired", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", { x = 1 })
    vat:message("keep", "one", one)
    vat:deliver { kind = "drop_exports", one }
    same(rows(reap(vat), "to"), "")
    same(tostring((vat:values("get", "one"))), "o+d1/1")
    vat:deliver { kind = "drop_exports", one }
    vat:deliver { kind = "retire_exports", one }
    same(rows(reap(vat), "to"), "")
    same(tostring((vat:values("get", "one"))), "o+d1/1")
    assert(has(vat, one))
    vat:deliver { kind = "drop_exports", one }
    vat:deliver { kind = "retire_exports", one }
    vat:message("keep", "one", nil)
    local outcome = reap(vat)
    same(rows(outcome, "to"), "old>none")
    same(lone.syscalls(outcome, "retire_exports"), {})
  end)

  it("lives while rows name it, as often as they do", function()
    local vat = lone.start(SOURCE)
    local one, two = vat:values("make", { x = 1 }), vat:values("make", { x = 2 })
    vat:message("keep", "a", { one, one })
    vat:message("keep", "b", one)
    vat:send(two, "set", "friend", one)
    vat:message("keep", "c", two)
    vat:deliver { kind = "drop_exports", one, two }
    vat:deliver { kind = "retire_exports", one, two }
    for _, key in ipairs { "a", "b" } do
      vat:message("keep", key, key == "a" and 3 or nil)
      same(rows(reap(vat), "to"), "")
    end
    vat:message("keep", "c", nil)
    same(rows(reap(vat), "to"), "old>none old>none")
  end)

  it("keeps the imports that its state names, and releases them", function()
    local vat = lone.start(SOURCE)
    local one = vat:values("make", {})
    vat:send(one, "set", "x", { ref("o-5", "Bob"), ref("o-6", "Carol") })
    same(#lone.syscalls(reap(vat), "drop_imports"), 0)
    vat:send(one, "set", "x", ref "o-6")
    same(lone.syscalls(reap(vat), "drop_imports")[1][1], "o-5")
    vat:deliver { kind = "drop_exports", one }
    local outcome = reap(vat)
    same(lone.syscalls(outcome, "drop_imports")[1][1], "o-6", "in the same delivery")
    same(lone.syscalls(outcome, "retire_imports")[1][1], "o-6")
  end)

  it("in a circle of instances stays", function()
    local vat = lone.start(SOURCE)
    vat:message "cycle"
    same(rows(reap(vat), "to"), "")
  end)
end)
