"""What would go wrong on the farm, found before anything is sent.

`gathering` reads facts from Blender, `checking.find` decides over them, `fixes` mends what can be
mended safely. Errors stop a submission, warnings ask, notes inform.
"""
