namespace LocalBloom.AI.Samples;

/// <summary>A command line cannot be understood. The message is one sentence for the person who typed it.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>A command line of <c>--name VALUE</c>, <c>--name=VALUE</c>, flags, and values that stand alone; <c>--</c> ends the options.</summary>
internal sealed class CommandLine
{
    private readonly Dictionary<string, List<string>> _values = [];
    private readonly HashSet<string> _flags = [];
    private readonly List<string> _positional = [];

    private CommandLine()
    {
    }

    public IReadOnlyList<string> Positional => _positional;

    /// <param name="arguments">What was typed.</param>
    /// <param name="valued">Names of options that take a value, with their dashes.</param>
    /// <param name="flags">Names of options that take none.</param>
    /// <exception cref="UsageException">An option is unknown, lacks its value or has one too many.</exception>
    public static CommandLine Parse(IReadOnlyList<string> arguments, IReadOnlyCollection<string> valued, IReadOnlyCollection<string> flags)
    {
        var line = new CommandLine();
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                line._positional.AddRange(arguments.Skip(i + 1));
                break;
            }

            if (argument.Length < 2 || argument[0] != '-')
            {
                line._positional.Add(argument);
                continue;
            }

            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument : argument[..equals];
            if (flags.Contains(name))
            {
                line._flags.Add(equals < 0 ? name : throw new UsageException($"{name} takes no value."));
            }
            else if (!valued.Contains(name))
            {
                throw new UsageException($"{name} is not known; --help lists the options, and a text that begins with a dash goes after --.");
            }
            else if (equals < 0 && ++i == arguments.Count)
            {
                throw new UsageException($"{name} needs a value.");
            }
            else
            {
                line.Add(name, equals < 0 ? arguments[i] : argument[(equals + 1)..]);
            }
        }

        return line;
    }

    public bool Has(string flag) => _flags.Contains(flag);

    /// <summary>Gets every value given for an option, in order.</summary>
    public IReadOnlyList<string> All(string name) => _values.TryGetValue(name, out List<string>? values) ? values : [];

    /// <summary>Gets an option's value, the last where it was repeated.</summary>
    public string? Value(string name) => All(name) is [.., string last] ? last : null;

    /// <exception cref="UsageException">The value is no integer of at least <paramref name="minimum"/>.</exception>
    public int? Integer(string name, int minimum) => Value(name) is { } value ? ToInteger(name, value, minimum) : null;

    /// <exception cref="UsageException">The value is none of the names of <typeparamref name="T"/>.</exception>
    public T? Choice<T>(string name)
        where T : struct, Enum => Value(name) is { } value ? ToChoice<T>(name, value) : null;

    public static int ToInteger(string name, string value, int minimum) =>
        int.TryParse(value, out int number) && number >= minimum
            ? number
            : throw new UsageException($"{name} takes a whole number of at least {minimum}, not '{value}'.");

    /// <summary>Reads a name such as <c>LayerSplit</c>, also written <c>layer-split</c>.</summary>
    public static T ToChoice<T>(string name, string value)
        where T : struct, Enum
    {
        string plain = value.Replace("-", "", StringComparison.Ordinal);
        return Enum.GetNames<T>().FirstOrDefault(n => n.Equals(plain, StringComparison.OrdinalIgnoreCase)) is { } known
            ? Enum.Parse<T>(known)
            : throw new UsageException($"{name} takes {string.Join(", ", Enum.GetNames<T>())}, not '{value}'.");
    }

    private void Add(string name, string value)
    {
        if (!_values.TryGetValue(name, out List<string>? values))
        {
            _values[name] = values = [];
        }

        values.Add(value);
    }
}
