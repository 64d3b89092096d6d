"""Text for people, pure: data in, text out. Whatever is drawn here can be deleted and drawn again."""
