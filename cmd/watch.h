#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include "cmd/observation.h"
#include "planner/plan/supervise.h"

/* watch_judge.c: what one look says. `word` is that of the line: "serving", "hangs". */
struct watch_view {
	enum sight sight;
	const char *word, *why;         /* why: or NULL */
};
struct watch_view watch_judge(struct observation *);

/* watch_unit.c: write or remove the systemd user unit for this spec, and say what to run. */
int watch_install(const struct cli *);
int watch_uninstall(const struct cli *);

#endif
