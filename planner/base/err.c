#include "planner/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "planner/base/str.h"

/* Writes "message: cause", or the message alone if cause is NULL. `cause` may be `to`. A text
 * that is too long ends with "…". */
static void
err_put(char *to, size_t size, const char *cause, const char *fmt, va_list ap)
{
	struct str s = {0};

	str_vprintf(&s, fmt, ap);
	if (cause)
		str_printf(&s, ": %s", cause);
	str_cut(to, size, str_text(&s));
	str_release(&s);
}

bool
err_set(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_put(e->text, sizeof e->text, NULL, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_sys(struct err *e, const char *fmt, ...)
{
	const char *cause = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	err_put(e->text, sizeof e->text, cause, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_put(e->text, sizeof e->text, e->text, fmt, ap);
	va_end(ap);
	return false;
}

bool
err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_put(e->hint, sizeof e->hint, NULL, fmt, ap);
	va_end(ap);
	return false;
}
