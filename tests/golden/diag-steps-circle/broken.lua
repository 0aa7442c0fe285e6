return {name = "mount",
