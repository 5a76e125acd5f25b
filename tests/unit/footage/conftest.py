from tests.unit.footage.footage_world import any_world, world

__all__ = ["any_world", "world"]
