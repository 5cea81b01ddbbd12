--- A topic: what is published goes to all who have subscribed, in the order of their subscribing.
--
-- A subscriber is an object in any vat with a method receive(...). It gets each event by a one-way
-- send, so one that fails, hangs or is gone disturbs neither the topic nor the others. Subscribers
-- lie in the baggage and outlive the vat's heap; facets are then asked for again.

return function(vat)
  local baggage = vat.baggage -- [subscription number] = subscriber; subscriptions
  baggage.subscriptions = baggage.subscriptions or 0

  local function subscribers()
    local all = {}
    for number, subscriber in pairs(baggage) do
      if math.type(number) == "integer" then
        all[#all + 1] = { number = number, subscriber = subscriber }
      end
    end
    return all
  end

  local function subscribe(subscriber)
    subscriber = await(subscriber)
    if type(subscriber) ~= "userdata" then
      local message = "a subscriber is an object with a method receive, got " .. type(subscriber)
      error(Error { name = "NotASubscriber", message = message })
    end
    local number = baggage.subscriptions + 1
    baggage[number] = subscriber
    baggage.subscriptions = number
    return Far("Subscription", {
      cancel = function()
        local was = baggage[number] ~= nil
        baggage[number] = nil
        return was
      end,
    })
  end

  -- Ends every subscription of this subscriber; returns how many there were.
  local function unsubscribe(subscriber)
    subscriber = await(subscriber)
    local count = 0
    for _, entry in ipairs(subscribers()) do
      if entry.subscriber == subscriber then
        baggage[entry.number] = nil
        count = count + 1
      end
    end
    return count
  end

  local function publish(...)
    local all = subscribers()
    for _, entry in ipairs(all) do
      E.send_only(entry.subscriber):receive(...)
    end
    return #all
  end

  local publisher = Far("Publisher", {
    publish = function(_, ...)
      return publish(...)
    end,
  })

  local reader = Far("TopicReader", {
    subscribe = function(_, subscriber)
      return subscribe(subscriber)
    end,
  })

  return Far("Topic", {
    publish = function(_, ...)
      return publish(...)
    end,
    subscribe = function(_, subscriber)
      return subscribe(subscriber)
    end,
    unsubscribe = function(_, subscriber)
      return unsubscribe(subscriber)
    end,
    count = function()
      return #subscribers()
    end,
    publisher = function()
      return publisher
    end,
    reader = function()
      return reader
    end,
  })
end
