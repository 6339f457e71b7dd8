-- What tests/lint-lua has luacheck check, and what it takes for known.
max_line_length = 100

-- Redis's Lua is 5.1 without what reaches out of it, and what nobody needs is left out.
std = "lua51"
not_globals = {
	"debug", "dofile", "getfenv", "io", "loadfile", "module", "newproxy", "os", "package", "print",
	"require", "setfenv",
}
read_globals = {
	"KEYS", "ARGV", "bit", "cjson", "cmsgpack", "struct",
	redis = {
		fields = {
			"call", "pcall", "error_reply", "status_reply", "sha1hex", "log", "LOG_DEBUG",
			"LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING",
		},
	},
}

-- Runs in Dovecot.
files["tests/bench/passdb.lua"] = {
	std = "lua54",
	globals = { "auth_passdb_lookup", "package" },
	read_globals = { "dovecot", "require" },
}
