/* Why an engine died, for people. */
#include "planner/why/why_view.h"

#include <string.h>

enum { WHY_SHOWN = 600 };       /* bytes of a line */

static void
why_view_line(struct str *s, const char *label, const char *text)
{
	size_t n = strnlen(text, WHY_SHOWN);

	str_printf(s, "  %-6s ", label);
	str_safe(s, text, n);
	str_puts(s, text[n] ? "…\n" : "\n");
}

static void
why_view_where(struct str *s, const char *name, size_t line, const char *who)
{
	str_safe(s, name, strlen(name));
	if (line)
		str_printf(s, ", line %zu", line);
	if (*who) {
		str_puts(s, ", ");
		str_safe(s, who, strlen(who));
	}
	str_puts(s, ":\n");
}

void
why_view_saying(struct str *s, const struct saying *saying)
{
	if (saying && *saying->means)
		why_view_line(s, "means", saying->means);
	if (saying && *saying->advice)
		why_view_line(s, "do", saying->advice);
}

/* Is the finding in this log, or in a part of it? */
static bool
why_view_is_in(const struct why *why, const struct why_log *log)
{
	return why->log && why->log->text >= log->text && why->log->text < log->text + log->n;
}

void
why_text(struct str *s, const struct why *why, const struct why_log *logs, size_t n)
{
	if (!why->log) {
		str_puts(s, "no log names a cause\n");
	} else {
		why_view_where(s, why->log->name, why->line, why->who);
		why_view_line(s, "says", why->text);
		why_view_saying(s, why->saying);
	}
	for (size_t i = 0; i < n; i++)
		if (why->hearsay[i] && !why_view_is_in(why, &logs[i])) {
			why_view_where(s, logs[i].name, why->hearsay_line[i], "");
			why_view_line(s, "heard", why->hearsay[i]);
		}
}
