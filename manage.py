#!/usr/bin/env python
import os
import sys

if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed; this is %d.%d." % sys.version_info[:2])


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Wrong setting. {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
