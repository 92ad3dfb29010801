/** A difference that stays, and why. */
export interface KnownDifference {
  /** Fits `METHOD path body` of the row; default every row. */
  readonly row?: RegExp;
  /** Fits the difference: `PLACE: ours X, theirs Y`. */
  readonly difference: RegExp;
  readonly why: string;
  /** It does not show in every run. */
  readonly mayBeAbsent?: true;
}

/** Every difference between pouchd and dockerd 20.10 that clients may see and that is meant to be. Docker's later versions are named where we follow them. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    difference: /^\.message: ours "Container cannot be connected to network endpoints: /,
    why: 'Docker lists them in the order of a Go map',
    mayBeAbsent: true,
  },
  {
    difference: /^header (builder-version|swarm): /,
    row: /_ping/,
    why: 'Docker 22 and later tell clients of the builder and of swarm with the ping',
  },
  { difference: /^header (docker-experimental|ostype): ours \w+, theirs undefined$/, why: 'told with errors of routing too' },
  {
    row: /^GET !\/v(1\.10|9\.99)\/info/,
    difference: /^(header content-type|header x-content-type-options|body|\.message): /,
    why: 'our range of versions is 1.24 to 1.44, and every error is JSON',
  },
  {
    row: /^GET \/version/,
    difference: /^\.(Platform\.Name|Version|ApiVersion|MinAPIVersion|GitCommit|GoVersion|BuildTime|Components)\b/,
    why: 'we are pouchd, on Node, with versions of our own',
  },
  {
    row: /^GET \/info/,
    difference: /^\.(DriverStatus|Plugins|RegistryConfig\.InsecureRegistryCIDRs|Runtimes)\b/,
    why: "containerd's snapshotter, our drivers, plugins and runtimes",
  },
  { difference: /^(\[\d+\]|\.Images\[\d+\])\.RepoDigests: ours \[\], theirs null$/, why: 'Docker 24 and later: never null' },
  { row: /\/push/, difference: /^\[\d+\]\.status: ours "\w+: digest: /, why: 'the same manifest in other bytes' },
  { difference: /\.DockerVersion: /, why: 'the version that made the image' },
  { difference: /^\.Metadata\.LastTagTime: ours "2.*theirs "0001/, why: 'a load names an image too' },
  {
    row: /^(POST|DELETE|PUT)/,
    difference: /^status: ours 400, theirs 500$/,
    why: 'Docker 23 and later: what a client sends wrong is a 400',
  },
  {
    difference: /^\.message: ours "invalid JSON: /,
    why: 'Docker 23 and later say what is wrong with a body; fields have the names of the API',
  },
  {
    difference: /^(status: ours 400, theirs 500|\.message: ours "(invalid filter|Unrecognised|invalid port))/,
    row: /(filters|limit)=/,
    why: 'Docker 23 and later: 400, and texts in lower case',
  },
  {
    row: /"(PidMode|IpcMode|UTSMode)":"bad"|"Test":\["ODD"\]/,
    difference: /^(status: ours 400, theirs 201|\.(Id|Warnings|message): )/,
    why: 'refused when it is made, as Docker 23 and later do, and not only when it is started',
  },
  {
    row: /"LogConfig":\{"Type":"nope"/,
    difference: /^\.message: /,
    why: "Docker's text of logger, without a detour through its plugin store",
  },
  {
    difference: /^(\[\d+\]|\.Containers\[\d+\])?\.Driver: ours "overlayfs", theirs "overlay2"$/,
    why: 'as Docker with the containerd image store',
  },
  { difference: /\.GraphDriver\b/, why: "paths of containerd's snapshotter" },
  {
    difference: /\.HostConfig\.MaskedPaths/,
    why: 'Docker 26 and later mask /proc/interrupts and powercap too: they tell of neighbours',
  },
  {
    difference: /\.HostConfig\.Runtime: ours "runc", theirs missing$/,
    why: 'Docker 23 and later: told before the first start too',
  },
  {
    difference: /\.NetworkSettings\.Sandbox(ID|Key): /,
    why: 'paths of our namespaces, and none for a container that does not run',
  },
  { difference: /\.Attributes\.execDuration: ours "\d+", theirs missing$/, why: 'Docker 23 and later' },
  { row: /unpause/, difference: /^status: ours 409, theirs 500$/, why: 'Docker 23 and later: a conflict' },
  {
    difference: /^header content-type: ours application\/vnd\.docker\.raw-stream, theirs undefined$/,
    why: 'Docker 23 and later; 20.10 lets Go guess',
  },
  {
    row: /name=|c-bad|c-dir|c-lost|all=1/,
    difference: /\.Networks\.[\w-]+\.(NetworkID|EndpointID|Gateway|IPAddress|IPPrefixLen|MacAddress): ours (""|0), theirs/,
    why: 'a failed start leaves nothing of the network behind',
  },
  { difference: /^\[\d+\]\.Names\.length: /, why: 'names that links give are shown by inspect alone' },
  {
    difference: /^\.message: ours "No such image: .*theirs "(no such image: .*)?No such image: /,
    why: 'Docker 23 and later say it once',
  },
  { row: /UPPER/, difference: /^\.message: ours "invalid reference format.*theirs "no such image: /, why: 'the same' },
  { row: /images\/load/, difference: /^\.(error|errorDetail\.message): /, why: 'the words of another tar reader' },
  {
    difference: /\.Labels: ours \{"com\.docker\.volume\.anonymous":""\}, theirs null$/,
    why: 'Docker 23 and later',
  },
  {
    difference: /IPAM\.Config\[0\]\.Gateway: ours "172\.17\.0\.1", theirs missing$/,
    why: '20.10 tells it from the second start of the daemon on',
  },
  { difference: /com\.docker\.network\.bridge\.name: ours "pouch0", theirs "docker0"$/, why: 'both may run on one host' },
  { row: /disconnect/, difference: /^status: ours 403, theirs 500$/, why: 'Docker 23 and later' },
  { difference: /\.SizeRw: ours \d+, theirs missing$/, why: "containerd counts the layer's folders" },
  {
    row: /events.*volume/,
    difference: /./,
    why: '20.10 tells of the creation of a volume each time somebody asks for it, Docker 23 and later once; the rest is shifted by that',
  },
  {
    row: /^CLI exec cli \/nope/,
    difference: /^status: ours 127, theirs 126$/,
    why: 'Docker 23 and later: what is not found is 127',
  },
  { difference: /onfig\.Unknown: ours \d, theirs missing$/, why: 'fields that we do not know are kept for plugins' },
];
