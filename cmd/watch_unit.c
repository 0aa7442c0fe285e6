/* The systemd user unit of dray watch. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/watch.h"
#include "executors/io/file.h"
#include "planner/base/str.h"

struct unit {
	struct compiled c;
	const char *name;               /* dray-watch-CLUSTER.service */
	const char *folder, *path;      /* where user units are; the unit */
	char spec[PATH_MAX], self[PATH_MAX];
};

/* Is the machine run by systemd? */
static bool
unit_has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* A word of ExecStart, where %, $, \ and quotes have a meaning. */
static void
unit_word(struct str *s, const char *word)
{
	str_putc(s, '"');
	for (; *word; word++) {
		if (strchr("\"\\", *word))
			str_putc(s, '\\');
		if (strchr("%$", *word))
			str_putc(s, *word);
		str_putc(s, *word);
	}
	str_putc(s, '"');
}

/* What a shell needs of it. */
static const char *
unit_quoted(struct arena *a, const char *word)
{
	return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-")]
		? arena_printf(a, "'%s'", word) : word;
}

static int
unit_open(struct unit *u, const struct cli *cli)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	ssize_t n = readlink("/proc/self/exe", u->self, sizeof u->self - 1);
	int code = compile_file(&u->c, cli);

	if (code != EXIT_DONE)
		return code;
	if (!realpath(cli->file, u->spec))
		return cli_error("a unit needs a spec file: '%s': %s", cli->file, strerror(errno));
	if (n < 0)
		return cli_error("cannot find the path of dray itself: %s", strerror(errno));
	u->self[n] = '\0';
	if (strpbrk(u->spec, "\n'") || strpbrk(u->self, "\n'"))
		return cli_error("a unit cannot have a path with a quote or a line break: '%s'", u->spec);
	if (!(config && *config == '/') && !(home && *home == '/'))
		return cli_error("there is no HOME, so no folder for user units");
	u->folder = config && *config == '/' ? arena_printf(&u->c.arena, "%s/systemd/user", config)
		: arena_printf(&u->c.arena, "%s/.config/systemd/user", home);
	u->name = arena_printf(&u->c.arena, "dray-watch-%s.service", u->c.cluster->name);
	u->path = arena_printf(&u->c.arena, "%s/%s", u->folder, u->name);
	return EXIT_DONE;
}

/* Make the folder, and those above it. */
static bool
unit_make_folder(struct unit *u)
{
	char *path = arena_strdup(&u->c.arena, u->folder);

	for (char *at = path + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return false;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* The options of this command, for the one that watches. */
static const char *
unit_options(struct unit *u, const struct cli *cli)
{
	struct arena *a = &u->c.arena;

	return arena_printf(a, "%s%s%s", cli->every ? arena_printf(a, " -every %lld", cli->every) : "",
			    cli->budget >= 0 ? arena_printf(a, " -budget %lld", cli->budget) : "",
			    cli->json ? " -json" : "");
}

static void
unit_text(struct str *s, struct unit *u, const struct cli *cli)
{
	str_printf(s, "[Unit]\nDescription=dray watch: keeps '%s' alive\n\n[Service]\n", u->c.cluster->name);
	str_puts(s, "# Secrets that the spec takes from the environment: NAME=VALUE, one a line.\n");
	str_printf(s, "EnvironmentFile=-%%h/.config/dray/watch-%s.env\n", u->c.cluster->name);
	str_puts(s, "ExecStart=");
	unit_word(s, u->self);
	str_puts(s, " watch -f ");
	unit_word(s, u->spec);
	str_printf(s, "%s\n", unit_options(u, cli));
	/* A repair that is interrupted once ends in order, and no repair is killed on the way. */
	str_puts(s, "KillMode=mixed\nTimeoutStopSec=infinity\nSuccessExitStatus=1 130\n"
		 "Restart=on-abnormal\nRestartSec=30\n\n[Install]\nWantedBy=default.target\n");
}

static void
unit_say_without(struct unit *u, const struct cli *cli)
{
	struct arena *a = &u->c.arena;
	const char *command = arena_printf(a, "%s watch -f %s%s", unit_quoted(a, u->self), unit_quoted(a, u->spec),
					   unit_options(u, cli));

	printf("This machine is not run by systemd, so nothing was written. This watches as well, and ends with\n"
	       "'kill' of its pid:\n  nohup %s >>watch-%s.log 2>&1 &\n"
	       "After a reboot, cron starts it; as a line of 'crontab -e':\n  @reboot %s >>$HOME/watch-%s.log 2>&1\n",
	       command, u->c.cluster->name, command, u->c.cluster->name);
}

int
watch_install(const struct cli *cli)
{
	struct unit u = {0};
	struct str text = {0};
	struct err e = {0};
	int code = unit_open(&u, cli);

	if (code == EXIT_DONE && !unit_has_systemd()) {
		unit_say_without(&u, cli);
		code = EXIT_ERROR;
	} else if (code == EXIT_DONE) {
		unit_text(&text, &u, cli);
		if (!unit_make_folder(&u))
			code = cli_error("cannot make '%s': %s", u.folder, strerror(errno));
		else if (!file_write(u.path, str_text(&text), text.len, 0644, &e))
			code = cli_error("%s", e.text);
		else
			printf("wrote %s\nstart it, now and after each login:\n"
			       "  systemctl --user daemon-reload\n  systemctl --user enable --now %s\n"
			       "keep it running without a login:\n  loginctl enable-linger\n"
			       "read what it says:\n  journalctl --user -u %s -f\n"
			       "It has no ssh agent and no variables of this shell: it needs keys that ssh finds in\n"
			       "files, and secrets in ~/.config/dray/watch-%s.env.\n", u.path, u.name, u.name,
			       u.c.cluster->name);
	}
	str_release(&text);
	compiled_release(&u.c);
	return code;
}

int
watch_uninstall(const struct cli *cli)
{
	struct unit u = {0};
	int code = unit_open(&u, cli);

	if (code == EXIT_DONE && unlink(u.path) < 0)
		code = errno == ENOENT ? cli_error("there is no unit '%s'", u.path)
				       : cli_error("cannot remove '%s': %s", u.path, strerror(errno));
	if (code == EXIT_DONE) {
		/* What 'systemctl enable' made. */
		unlink(arena_printf(&u.c.arena, "%s/default.target.wants/%s", u.folder, u.name));
		printf("removed %s\nend the one that runs:\n  systemctl --user stop %s\n"
		       "  systemctl --user daemon-reload\n", u.path, u.name);
	}
	compiled_release(&u.c);
	return code;
}
