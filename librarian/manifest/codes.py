"""By which code results were made, as the catalog tells it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from librarian.manifest.chain import GOOD
from librarian.manifest.index import Index


class Codes(Index):
    """Questions about the code of extensions."""

    def other_code(self, job_name: str, codes: Mapping[tuple[str, str], str]) -> Counter[str]:
        """Step → current results that were made by other code under the same version of the operation.

        Args:
            job_name: name of the job.
            codes: (package/operation, its version) → digest of the package's code now. One that is not known, now or
                then, tells nothing.
        """
        marks = ", ".join("?" * len(GOOD))
        rows = self._db.execute(
            "SELECT c.step, m.step, j.body, count(*) FROM current c JOIN made m ON m.key = c.key "
            "JOIN jobs j ON j.job = m.job AND j.type = 'job' "
            f"WHERE c.job_name = ? AND c.outcome IN ({marks}) GROUP BY c.step, m.step, m.job",
            (job_name, *sorted(GOOD)),
        )
        found = Counter[str]()
        for step, made_in, body, number in rows:
            first = json.loads(body)
            made_by = {each["id"]: (each["operation"], each["version"]) for each in first["steps"]}.get(made_in)
            then = first.get("code", {}).get(made_by[0].partition("/")[0]) if made_by else None
            now = codes.get(made_by, "") if made_by else ""
            if then and now and then != now:
                found[step] += number
        return found
