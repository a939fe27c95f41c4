"""Mends the texts of JSON lines with ftfy, leaving curly quotes alone, and prints its version last.

pip install ftfy==6.3.1
"""

import json
import sys

import ftfy

CONFIG = ftfy.TextFixerConfig(uncurl_quotes=False)

for line in sys.stdin:
    print(json.dumps(ftfy.fix_text(json.loads(line), CONFIG)))
print(json.dumps({"version": ftfy.__version__}))
