"""Packets from a source over flying relays to a sink: scenarios, routing, simulation, theory, outcomes.

Shared by the apps `uav_queue_project` and `uav_relay_queue_project`. Times are in seconds and distances in metres
unless a name says otherwise; delays that people read are in milliseconds.
"""
