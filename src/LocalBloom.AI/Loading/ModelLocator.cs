using System.Text.RegularExpressions;

namespace LocalBloom.AI.Loading;

/// <summary>Finds a model on this machine: a folder, or a hub id in the local Hugging Face cache. Never touches the network.</summary>
internal static partial class ModelLocator
{
    private const string ConfigName = "config.json";

    /// <summary>Gives the folder that holds a model.</summary>
    /// <param name="model">A folder, or a hub id such as <c>bigscience/bloomz-560m</c>, optionally with <c>@revision</c>.</param>
    /// <exception cref="CheckpointException">It is not there; the message lists where it was looked for.</exception>
    public static string Locate(string model) =>
        Locate(model, Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>Gives the folder that holds a model, in an environment of the caller's.</summary>
    /// <param name="model">A folder or a hub id.</param>
    /// <param name="variable">Gives an environment variable.</param>
    /// <param name="home">The user's home folder.</param>
    public static string Locate(string model, Func<string, string?> variable, string home)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(model);
        if (Directory.Exists(model))
        {
            return File.Exists(Path.Combine(model, ConfigName))
                ? Path.GetFullPath(model)
                : throw new CheckpointException(
                    model, $"the folder has no {ConfigName}. Give the folder that holds {ConfigName}, tokenizer.json and weights.");
        }

        if (File.Exists(model))
        {
            throw new CheckpointException(model, "this is a file. Give the folder that holds it.");
        }

        Match id = HubId().Match(model);
        return id.Success && !model.Contains("..", StringComparison.Ordinal)
            ? LocateInCache(model, id, Caches(variable, home))
            : throw new CheckpointException(model, "there is no such folder, and this is no hub id (organisation/name, optionally with @revision).");
    }

    private static string LocateInCache(string model, Match id, IEnumerable<string> caches)
    {
        string repository = $"{id.Groups["org"].Value}/{id.Groups["name"].Value}";
        string? revision = id.Groups["revision"] is { Success: true } group ? group.Value : null;
        List<string> looked = [];
        foreach (string cache in caches)
        {
            string folder = Path.Combine(cache, "models--" + repository.Replace("/", "--", StringComparison.Ordinal));
            string? snapshot = FindSnapshot(folder, revision, out string problem);
            if (snapshot is not null && File.Exists(Path.Combine(snapshot, ConfigName)))
            {
                return snapshot;
            }

            looked.Add(snapshot is null ? $"{folder} ({problem})" : $"{snapshot} (no {ConfigName}: the download is incomplete)");
        }

        string download = $"hf download {repository}{(revision is null ? "" : $" --revision {revision}")}";
        throw new CheckpointException(
            model,
            $"there is no such folder, and the model is not in the local cache. Looked in {string.Join(", ", looked)}. Get it with '{download}'.");
    }

    private static string? FindSnapshot(string folder, string? revision, out string problem)
    {
        problem = "no such folder";
        if (!Directory.Exists(folder))
        {
            return null;
        }

        string snapshots = Path.Combine(folder, "snapshots");
        if (revision is not null && IsCommit(revision) && Directory.Exists(Path.Combine(snapshots, revision)))
        {
            return Path.Combine(snapshots, revision);
        }

        string reference = Path.Combine(folder, "refs", revision ?? "main");
        if (File.Exists(reference))
        {
            string commit = ReadReference(reference);
            problem = $"the snapshot {ErrorText.Name(commit)} that {reference} names is not there";
            return IsCommit(commit) && Directory.Exists(Path.Combine(snapshots, commit)) ? Path.Combine(snapshots, commit) : null;
        }

        string[] all = revision is null && Directory.Exists(snapshots) ? Directory.GetDirectories(snapshots) : [];
        problem = all.Length > 1 ? $"{all.Length} snapshots and no refs/main; add @revision" : $"no revision {revision ?? "main"}";
        return all is [string only] ? only : null;
    }

    private static string ReadReference(string path)
    {
        const int maxBytes = 256;
        using var handle = InputFile.Open(path, out long length);
        return System.Text.Encoding.UTF8.GetString(InputFile.Read(path, handle, 0, (int)Math.Min(length, maxBytes))).Trim();
    }

    private static bool IsCommit(string text) => text.Length is > 0 and <= 64 && text.All(char.IsAsciiLetterOrDigit);

    private static IEnumerable<string> Caches(Func<string, string?> variable, string home)
    {
        string?[] caches =
        [
            variable("HF_HUB_CACHE"),
            Below(variable("HF_HOME"), "hub"),
            Below(variable("XDG_CACHE_HOME"), "huggingface", "hub"),
            Below(home, ".cache", "huggingface", "hub"),
        ];
        return caches.Where(cache => !string.IsNullOrEmpty(cache)).Select(cache => cache!).Distinct(StringComparer.Ordinal);

        static string? Below(string? root, params ReadOnlySpan<string> names) => string.IsNullOrEmpty(root) ? null : Path.Combine([root, .. names]);
    }

    [GeneratedRegex(
        @"\A(?<org>[A-Za-z0-9][A-Za-z0-9_.-]{0,95})/(?<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,95})(@(?<revision>[A-Za-z0-9][A-Za-z0-9_./-]{0,199}))?\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex HubId();
}
