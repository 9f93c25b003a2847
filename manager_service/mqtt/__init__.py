"""Forwards what happens on the farm to an MQTT broker, under Flamenco 3's topics."""
