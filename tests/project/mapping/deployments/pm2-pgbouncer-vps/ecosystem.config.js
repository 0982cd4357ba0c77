module.exports = {
  apps: [
    {
      name: 'api',
      script: 'src/api.js',
      exec_mode: 'cluster',
      instances: 6,
      env: { DATABASE_URL: 'postgresql://app:s3cret@127.0.0.1:6432/app' },
    },
    {
      name: 'worker',
      script: 'src/worker.js',
      env: { DATABASE_URL: 'postgresql://app:s3cret@127.0.0.1:6432/app' },
    },
  ],
}
