import { registerVolumePlugin } from '@pouchd/hookplugins';

interface Defaults {
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Config {
  readonly driver?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly drivers?: Readonly<Record<string, Defaults>>;
  readonly merge: boolean;
}

registerVolumePlugin<Config>({
  preVolumeCreate(volume, { config }) {
    if (!volume.Driver && config.driver) volume.Driver = config.driver;
    const driver = volume.Driver || 'local';
    const defaults = config.drivers && Object.hasOwn(config.drivers, driver) ? config.drivers[driver] : undefined;
    const given = volume.DriverOpts ?? {};
    if (defaults?.options && (config.merge || Object.keys(given).length === 0))
      volume.DriverOpts = { ...defaults.options, ...given };
    if (defaults?.labels || config.labels) volume.Labels = { ...config.labels, ...defaults?.labels, ...volume.Labels };
  },
});
