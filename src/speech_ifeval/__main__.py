"""``python -m speech_ifeval`` is the command ``speech-ifeval``."""

from speech_ifeval.cli import main

if __name__ == "__main__":
    main()
