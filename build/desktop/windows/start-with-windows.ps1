# Makes the gateway's engine start with Windows, before anybody signs in, under the account that runs this script (so that the desktop
# app of that account may talk to it). Run in PowerShell as administrator:
#   .\start-with-windows.ps1 -Config C:\ProgramData\Headgate\headgate.yaml
# and to take it back:
#   .\start-with-windows.ps1 -Remove
# A scheduled task rather than a service: Windows starts it again when it ends, and no wrapper program is needed. Its state and
# configuration are never touched.
param(
  [string]$Config = (Join-Path $env:ProgramData 'Headgate\headgate.yaml'),
  [switch]$Remove
)
$ErrorActionPreference = 'Stop'
$name = 'Headgate engine'

if ($Remove) {
  Stop-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue
  Unregister-ScheduledTask -TaskName $name -Confirm:$false
  Write-Output 'The engine no longer starts with Windows. What it had taken in is still in its state directory.'
  exit 0
}

$resources = Split-Path -Parent $PSScriptRoot
$node = Join-Path $resources 'node\node.exe'
$program = Join-Path $resources 'engine\bin\headgate'
if (-not (Test-Path $Config)) { throw "There is no configuration at $Config. Start the desktop app first: its wizard makes one." }
& $node $program config check $Config
if ($LASTEXITCODE -ne 0) { throw 'The configuration can not be used as it is written; see above.' }

$action = New-ScheduledTaskAction -Execute $node -Argument "`"$program`" run --config `"$Config`"" -WorkingDirectory (Split-Path -Parent $Config)
$trigger = New-ScheduledTaskTrigger -AtStartup
# S4U: it runs whether or not the user is signed in, and no password is stored.
$principal = New-ScheduledTaskPrincipal -UserId ([System.Security.Principal.WindowsIdentity]::GetCurrent().Name) -LogonType S4U
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit ([TimeSpan]::Zero) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -MultipleInstances IgnoreNew
Register-ScheduledTask -TaskName $name -Action $action -Trigger $trigger -Principal $principal -Settings $settings -Force | Out-Null
Start-ScheduledTask -TaskName $name
Write-Output "The engine runs and starts with Windows, with $Config."
