"""Does a speech-aware language model still follow instructions, and what did speech training cost it?"""
