#!/usr/bin/env python
import os
import signal
import sys

if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed; this is %d.%d." % sys.version_info[:2])


def main():
    if sys.argv[1:2] in (["serve"], ["embedded"]) and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        # Until these are ready to end in good order, Ctrl-C just ends them: in the middle of an import it would show
        # a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting. {error}")
    except DatabaseError as error:
        from crm.database import fault_of

        if sentence := fault_of(error):
            sys.exit(sentence)
        raise
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
