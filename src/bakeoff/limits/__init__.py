"""How near a target comes to what the machine can do: its least work, the device's rates, and their quotient."""
