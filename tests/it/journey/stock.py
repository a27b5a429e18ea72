"""The stock command line, unchanged, in one process: each line of input is the arguments of one command as a JSON list,
each line of output its result. What is spared is the second that Python needs to load it for each command."""

import contextlib
import io
import json
import logging
import sys

from openstackclient import shell

for line in sys.stdin:
    out, complaints = io.StringIO(), io.StringIO()
    logging.getLogger().handlers.clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(complaints):
        try:
            status = shell.main(json.loads(line))
        except SystemExit as end:
            status = end.code
        except Exception as error:
            complaints.write(repr(error))
            status = 1
    print(json.dumps({"status": status or 0, "out": out.getvalue(), "err": complaints.getvalue()}), flush=True)
