// The daemon's own parts, in order of registration: each import registers one room.
import '../store/plugin.ts';
import '../events/plugin.ts';
import '../hooks/plugin.ts';
import '../ctrd/plugin.ts';
import '../images/plugin.ts';
import '../volumes/plugin.ts';
import '../networks/plugin.ts';
import '../stdio/plugin.ts';
import '../spec/plugin.ts';
import '../containers/plugin.ts';
import '../api/containers/plugin.ts';
import '../api/system/plugin.ts';
import '../api/volumes/plugin.ts';
import '../api/networks/plugin.ts';
import '../api/plugins/plugin.ts';
import '../api/http/plugin.ts';
import '../grpc/plugin.ts';
