"""The stock command line, unchanged: each line of input is the arguments of one command as a JSON list, each line of
output its result. Every command has a process of its own, as it should, but one that is forked when everything is loaded:
that spares the second that Python needs to load it."""

import importlib
import json
import os
import sys
import tempfile

from openstackclient import shell

for part in ("compute", "identity", "image", "network", "volume"):
    importlib.import_module(f"openstackclient.{part}.client")
for module in ("keystoneauth1.identity.v3", "keystoneclient.v3.client", "novaclient.client", "cinderclient.v3.client"):
    importlib.import_module(module)


def run(arguments):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaints:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(complaints.fileno(), 2)
            status = 1
            try:
                status = shell.main(arguments)
            except SystemExit as end:
                status = end.code
            except BaseException as error:
                sys.stderr.write(repr(error))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(int(bool(status)))
        _, status = os.waitpid(child, 0)
        out.seek(0)
        complaints.seek(0)
        return {"status": status, "out": out.read(), "err": complaints.read()}


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
