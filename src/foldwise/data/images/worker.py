"""A process that decodes batches for another one, until its input ends.

Started by `ProcessPool` as `python -m foldwise.data.images.worker`. First line in: the store,
the wanted form and the file to be written; then a batch a line, and a result a line out, all JSON.
"""

import json
import signal
import sys
import warnings
from pathlib import Path

from foldwise.data.images.batch import decode_batch
from foldwise.data.images.decode import ImageSpec, prepare_decoders
from foldwise.data.images.store import open_store
from foldwise.data.packing import RowFile


def main() -> None:
    """Serve until the standard input is closed, as it is when the other process dies."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody is left to be told
    warnings.simplefilter("ignore")  # of Pillow, about files that it then reads or refuses
    answers, sys.stdout = sys.stdout, sys.stderr
    prepare_decoders()
    setup = json.loads(sys.stdin.readline() or "null")
    if setup is None:
        return
    store, spec = open_store(setup["store"]), ImageSpec(**setup["spec"])
    rows = RowFile(Path(setup["path"]), tuple(setup["row_shape"]), "uint8")
    for line in sys.stdin:
        start, entries = json.loads(line)
        try:
            answer = vars(decode_batch(start, entries, store, spec, rows))
        except OSError as error:  # of writing: the disk is full, say
            answer = {"errno": error.errno, "reason": error.strerror}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
